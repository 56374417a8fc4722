"""The regular times of a cadence, forward and backward, and each tenant's own delay after them. Pure, no state.

What of them is due, given what a tenant did so far, is in due_times.py.
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
# What asks less often than this may miss the rest of a window that a delay leaves.
ROOM_TO_ASK = timedelta(minutes=15)
# 29 February is eight years apart around 2100, and twelve months between months are the most that a cron can skip.
YEARS_BETWEEN = 9
ANSWERS_KEPT = 8192


@dataclass(frozen=True, slots=True)
class RegularTimes:
    """When a cadence is due in a zone (an IANA name); not for a cadence that is paused.

    A time outside the cadence's window moves to the window's next beginning; times that meet there are one. Instants
    given are aware, instants returned are in UTC.
    """

    cadence: Cadence
    zone: str

    @property
    def hours(self) -> Hours:
        """In which a sync may start."""
        return Hours(self.cadence.window, self.zone)

    def after(self, at: datetime) -> datetime:
        """The first regular time later than ``at``."""
        # What is later than the last allowed instant is either later than at, or moves to a beginning that is.
        return self.hours.next_allowed(self._following(self.hours.last_allowed(at)))

    def until(self, at: datetime) -> datetime:
        """The last regular time not later than ``at``."""
        return self.hours.next_allowed(self._preceding(self.hours.last_allowed(at)))

    def start(self, regular: datetime, key: str) -> datetime:
        """When tenant ``key`` starts for a regular time: a little later, each its own little, always the same.

        Up to half an hour where the times are an hour or more apart, else not at all; before the next regular time, and
        so that a quarter of an hour is left of the window, or there is no delay.
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
            raise ValueError("a cadence that is paused has no times: ask it before")
        return self.cadence.rule


# Hundreds of tenants share a few cadences, and are asked about together: the same question is asked again and again.
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
    """How many of the day's times are not later than ``at``."""
    return bisect_right(rule.times, at, key=lambda time: instant_of(day, time, zone))


def _days(rule: Calendar, first: date, step: int) -> Iterator[date]:
    """The rule's days from ``first`` on, forward or backward."""
    for number in range(0, step * YEARS_BETWEEN * 366, step):
        day = first + timedelta(days=number)
        if rule.has_day(day):
            yield day


def _interval_until(at: datetime, length: timedelta) -> datetime:
    return EPOCH + (at - EPOCH) // length * length
