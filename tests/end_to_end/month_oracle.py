"""What should happen in the simulated month, worked out minute by minute from the plan; nothing of ours decides here.

Regular times are looked for by asking, of every minute, what the clocks of the zone show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from .month_tenants import ASKED, DAY, END, HOUR, MINUTE, OUTAGE, RECHECKED_WITHIN, START, STOPPED, Planned, Times

# Outside rule: each tenant has a delay of its own, of less than half an hour. What comes on top is the run itself.
LATEST = 30 * MINUTE
PAUSES = (5 * MINUTE, 15 * MINUTE, 45 * MINUTE, 120 * MINUTE)
GRACE = 4 * HOUR
_FROM, _TO = START - 3 * DAY, END + 40 * DAY


@dataclass(frozen=True)
class Expected:
    """One regular time, or a first sync, and when its first try starts."""

    reason: str
    due_for: datetime | None
    earliest: datetime
    latest: datetime

    @property
    def is_in_outage(self) -> bool:
        return OUTAGE[0] <= self.earliest and self.latest <= OUTAGE[1]


@cache
def _minutes(zone: str) -> dict[tuple[date, time], datetime]:
    """What the clocks show -> the first minute at which they show it, or from which on they are past it."""
    here, found = ZoneInfo(zone), {}
    at, before = _FROM, None
    while at < _TO:
        wall = at.astimezone(here).replace(tzinfo=None)
        skipped = wall if before is None else before + MINUTE
        while skipped <= wall:
            found.setdefault((skipped.date(), skipped.time()), at)
            skipped += MINUTE
        at, before = at + MINUTE, wall
    return found


def _instants(zone: str, at: str) -> Iterator[tuple[date, datetime]]:
    minutes, hour = _minutes(zone), time.fromisoformat(at)
    day = _FROM.date() + 2 * DAY
    while day < _TO.date() - 2 * DAY:
        yield day, minutes[day, hour]
        day += DAY


def regular(times: Times, zone: str) -> list[datetime]:
    """The regular times around the month, ascending."""
    if times.every:
        length = times.every // MINUTE
        first = int(_FROM.timestamp()) // 60
        found = [_FROM + n * MINUTE for n in range((_TO - _FROM) // MINUTE) if (first + n) % length == 0]
    else:
        found = [instant for day, instant in _instants(zone, times.at) if times.days(day)]
    if times.hours:
        open_ = windows(times.hours, zone)
        found = [_moved(at, open_) for at in found if at < open_[-1][0]]
    return sorted(set(found))


def windows(hours: tuple[str, str], zone: str) -> list[tuple[datetime, datetime]]:
    """When the hours begin and end, day by day."""
    length = timedelta(hours=int(hours[1][:2]) - int(hours[0][:2]), minutes=int(hours[1][3:]) - int(hours[0][3:]))
    if length < timedelta(0):
        length += DAY
    ends = [instant for _, instant in _instants(zone, hours[1])]
    found = []
    for _, opens in _instants(zone, hours[0]):
        # The next end after the beginning; where the clocks skip both, the hours follow on the gap.
        place = bisect_left(ends, opens)
        if place < len(ends):
            found.append((opens, ends[place] if ends[place] > opens else opens + length))
    return found


def _moved(at: datetime, open_: list[tuple[datetime, datetime]]) -> datetime:
    for opens, closes in open_:
        if at < closes:
            return max(at, opens)
    raise AssertionError(f"no hours after {at}")


def expected(tenant: Planned) -> list[Expected]:
    """What is due for a tenant: a first sync, each regular time once, and of those nobody kept the last."""
    found: list[Expected] = []
    served: datetime | None = None
    for begins, ends, times in tenant.phases:
        if times.text == "paused":
            continue
        all_times = regular(times, tenant.zone)
        earliest = _moved(begins, windows(times.hours, tenant.zone)) if times.hours else begins
        if served is None:
            # Who is not connected yet is tried again by and by.
            slack = 5 * MINUTE if begins == START else RECHECKED_WITHIN
            found.append(Expected("first", None, earliest, earliest + slack))
            served = earliest
        missed = [at for at in all_times if served < at <= begins]
        # Hours that open for the next regular time are that one's.
        if missed and earliest < next(at for at in all_times if at > begins):
            # Somebody asked for it while the daemon was stopped: one sync does both.
            reason = (
                "request"
                if any(one.tenant == tenant.key and begins == one.served_from for one in ASKED)
                else "catch_up"
            )
            found.append(Expected(reason, missed[-1], earliest, earliest + 5 * MINUTE))
        since = max(begins, served)
        found += [Expected("regular", at, at, at + LATEST) for at in all_times if since < at < ends]
        served = max(at for one in found if (at := one.due_for or one.earliest))
    for one in found:
        for border in (*STOPPED, *OUTAGE, END):
            assert not border - LATEST - 15 * MINUTE < one.earliest < border or one.reason != "regular", (
                f"{tenant.key} at {one.earliest} is too close to {border} to tell what is right"
            )
    return found


def is_stale_after_stop(tenant: Planned) -> bool:
    """Whether the daemon comes back later than the tenant's data may be old: four hours after a regular time."""
    return any(
        STOPPED[0] <= at and at + GRACE <= STOPPED[1]
        for begins, ends, times in tenant.phases
        if times.text != "paused" and begins == STOPPED[1]
        for at in regular(times, tenant.zone)
    )
