"""What should happen in the simulated month, computed minute by minute from the plan, without the project's own code.

It finds scheduled times by checking for every minute what the zone's clocks show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from .month_tenants import ASKED, DAY, END, HOUR, MINUTE, OUTAGE, RECHECKED_WITHIN, START, STOPPED, Planned, Times

# A rule from outside: each tenant has its own delay of less than half an hour. Anything beyond that is the run itself.
LATEST = 30 * MINUTE
PAUSES = (5 * MINUTE, 15 * MINUTE, 45 * MINUTE, 120 * MINUTE)
GRACE = 4 * HOUR
_FROM, _TO = START - 3 * DAY, END + 40 * DAY


@dataclass(frozen=True)
class Expected:
    """One scheduled time or first sync, and when its first attempt starts."""

    reason: str
    due_for: datetime | None
    earliest: datetime
    latest: datetime

    @property
    def is_in_outage(self) -> bool:
        return OUTAGE[0] <= self.earliest and self.latest <= OUTAGE[1]


@cache
def _minutes(zone: str) -> dict[tuple[date, time], datetime]:
    """Local time -> the first minute at which the clocks show it or are past it."""
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
    """The scheduled times around the month, ascending."""
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
    """When the hours open and close, day by day."""
    length = timedelta(hours=int(hours[1][:2]) - int(hours[0][:2]), minutes=int(hours[1][3:]) - int(hours[0][3:]))
    if length < timedelta(0):
        length += DAY
    ends = [instant for _, instant in _instants(zone, hours[1])]
    found = []
    for _, opens in _instants(zone, hours[0]):
        # The next closing after the opening; if the clocks skip both, the hours follow the gap.
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
    """What is due for a tenant: a first sync, each scheduled time once, and only the last of the missed ones."""
    found: list[Expected] = []
    served: datetime | None = None
    for begins, ends, times in tenant.phases:
        if times.text == "paused":
            continue
        all_times = regular(times, tenant.zone)
        earliest = _moved(begins, windows(times.hours, tenant.zone)) if times.hours else begins
        if served is None:
            # Tenants that are not connected yet are rechecked from time to time.
            slack = 5 * MINUTE if begins == START else RECHECKED_WITHIN
            found.append(Expected("first", None, earliest, earliest + slack))
            served = earliest
        missed = [at for at in all_times if served < at <= begins]
        # Hours that open at the next scheduled time belong to that one.
        if missed and earliest < next(at for at in all_times if at > begins):
            # A sync was requested while the daemon was stopped: one sync serves both.
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
                f"{tenant.key} at {one.earliest} is too close to {border} to say what is right"
            )
    return found


def is_stale_after_stop(tenant: Planned) -> bool:
    """Whether the daemon returns after the tenant's data is stale: four hours after a scheduled time."""
    return any(
        STOPPED[0] <= at and at + GRACE <= STOPPED[1]
        for begins, ends, times in tenant.phases
        if times.text != "paused" and begins == STOPPED[1]
        for at in regular(times, tenant.zone)
    )
