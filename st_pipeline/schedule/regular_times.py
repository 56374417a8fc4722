"""The scheduled times of a cadence, forward and backward, and each tenant's fixed delay after them. Pure, no state.

due_times.py decides what is due, based on a tenant's past syncs.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from st_pipeline.schedule.wall_clock import DAY, DAYS_AROUND, Hours, day_of, instant_of
from st_pipeline.tenants.cadence import Cadence, Calendar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_DELAY = timedelta(minutes=30)
# A delayed start leaves at least this much of the window, for schedulers that check less often.
ROOM_TO_ASK = timedelta(minutes=15)
# 29 February can be eight years apart (around 2100), and a cron can skip at most twelve months between its months.
YEARS_BETWEEN = 9
ANSWERS_KEPT = 8192


@dataclass(frozen=True, slots=True)
class RegularTimes:
    """The scheduled times of a cadence in a zone (an IANA name). The cadence must not be paused.

    A time outside the cadence's window moves to the window's next opening; times that coincide there count once.
    Instants passed in must be timezone-aware; results are in UTC.
    """

    cadence: Cadence
    zone: str

    @property
    def hours(self) -> Hours:
        """The hours in which a sync may start."""
        return Hours(self.cadence.window, self.zone)

    def after(self, at: datetime) -> datetime:
        """The first scheduled time after ``at``."""
        # A time after the last allowed instant is either after ``at`` or moves to an opening that is.
        return self.hours.next_allowed(self._following(self.hours.last_allowed(at)))

    def until(self, at: datetime) -> datetime:
        """The last scheduled time at or before ``at``."""
        return self.hours.next_allowed(self._preceding(self.hours.last_allowed(at)))

    def start(self, regular: datetime, key: str) -> datetime:
        """When tenant ``key`` starts for a scheduled time: after a small delay that is fixed for each tenant.

        The delay is up to half an hour if the times are an hour or more apart, otherwise zero. It ends before the next
        scheduled time and leaves a quarter of an hour of the window; if it can't, it is zero.
        """
        if not self.cadence.is_spread:
            return regular
        room = min(LONGEST_DELAY, self.after(regular) - regular)
        if (end := self.hours.end(regular)) is not None:
            room = min(room, end - ROOM_TO_ASK - regular)
        seconds = max(1, room // timedelta(seconds=1))
        digest = hashlib.sha256(key.encode()).digest()
        return regular + timedelta(seconds=int.from_bytes(digest[:8], "big") % seconds)

    def _following(self, at: datetime) -> datetime:
        return _following(self._rule, self.zone, at)

    def _preceding(self, at: datetime) -> datetime:
        return _preceding(self._rule, self.zone, at)

    @property
    def _rule(self) -> Calendar | timedelta:
        if not isinstance(self.cadence.rule, Calendar | timedelta):
            raise ValueError("a paused cadence has no times: check is_paused first")
        return self.cadence.rule


# Hundreds of tenants share a few cadences and are checked together, so the same question comes up repeatedly.
@lru_cache(ANSWERS_KEPT)
def _following(rule: Calendar | timedelta, zone: str, at: datetime) -> datetime:
    if isinstance(rule, timedelta):
        return _interval_until(at, rule) + rule
    for day in _days(rule, day_of(at, zone) - DAYS_AROUND * DAY, 1):
        passed = _count_until(rule, zone, day, at)
        if passed < len(rule.times):
            return instant_of(day, rule.times[passed], zone)
    raise AssertionError("a calendar has days")


@lru_cache(ANSWERS_KEPT)
def _preceding(rule: Calendar | timedelta, zone: str, at: datetime) -> datetime:
    if isinstance(rule, timedelta):
        return _interval_until(at, rule)
    for day in _days(rule, day_of(at, zone) + DAYS_AROUND * DAY, -1):
        passed = _count_until(rule, zone, day, at)
        if passed:
            return instant_of(day, rule.times[passed - 1], zone)
    raise AssertionError("a calendar has days")


def _count_until(rule: Calendar, zone: str, day: date, at: datetime) -> int:
    """How many of the day's times are at or before ``at``."""
    return bisect_right(rule.times, at, key=lambda time: instant_of(day, time, zone))


def _days(rule: Calendar, first: date, step: int) -> Iterator[date]:
    """The rule's days from ``first`` on, forward or backward."""
    for number in range(0, step * YEARS_BETWEEN * 366, step):
        day = first + timedelta(days=number)
        if rule.has_day(day):
            yield day


def _interval_until(at: datetime, length: timedelta) -> datetime:
    return EPOCH + (at - EPOCH) // length * length
