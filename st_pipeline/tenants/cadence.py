"""What a cadence is: on which days and at which times, or how often; and in which hours a sync may start.

cadence_parsing.py parses the text of a cadence. The package schedule/ decides what is due when.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, time, timedelta

HOUR = timedelta(hours=1)
EVERY_MONTH = frozenset(range(1, 13))
EVERY_DAY = frozenset(range(1, 32))
EVERY_WEEKDAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Window:
    """The hours, in the tenant's time zone, in which a sync may start; ``end`` is excluded."""

    start: time
    end: time

    @property
    def is_over_midnight(self) -> bool:
        """Whether it ends on the next day, because ``end`` is not after ``start``."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True)
class Calendar:
    """Times on certain days, in the tenant's time zone."""

    times: tuple[time, ...]
    """In ascending order, without seconds."""
    months: frozenset[int] = EVERY_MONTH
    days: frozenset[int] = EVERY_DAY
    """Of the month."""
    weekdays: frozenset[int] = EVERY_WEEKDAY
    """0 is Monday."""
    last_if_shorter: bool = False
    """In a month without that day, use its last day. Cron has no such rule: its 31st comes seven times a year."""

    def has_day(self, day: date) -> bool:
        """Whether there are times on ``day``.

        If both days of the month and weekdays are restricted, a match of either is enough (POSIX, crontab).
        """
        if day.month not in self.months:
            return False
        in_month = day.day in self.days
        if self.last_if_shorter and not in_month:
            last = calendar.monthrange(day.year, day.month)[1]
            in_month = day.day == last < max(self.days)
        if self.days != EVERY_DAY and self.weekdays != EVERY_WEEKDAY:
            return in_month or day.weekday() in self.weekdays
        return in_month and day.weekday() in self.weekdays

    @property
    def has_any_day(self) -> bool:
        """False for dates that never occur, like February 30."""
        longest = max(29 if month == 2 else calendar.monthrange(2024, month)[1] for month in self.months)
        return min(self.days) <= longest or (self.weekdays != EVERY_WEEKDAY) or self.last_if_shorter

    @property
    def shortest_gap(self) -> timedelta:
        """The shortest time between two syncs if every day had times."""
        minutes = [at.hour * 60 + at.minute for at in self.times]
        following = [*minutes[1:], minutes[0] + 24 * 60]
        return min(timedelta(minutes=b - a) for a, b in zip(minutes, following, strict=True))


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a tenant is synced. ``rule``: times on days, an interval, or None for never automatically."""

    text: str
    """The stored and shown form; parsing it gives the same cadence."""
    rule: Calendar | timedelta | None
    window: Window | None = None

    @property
    def is_paused(self) -> bool:
        """Whether nothing runs automatically."""
        return self.rule is None

    @property
    def is_spread(self) -> bool:
        """Whether its times are at least an hour apart, so that each tenant can have its own delay after them."""
        if self.rule is None:
            return False
        return (self.rule if isinstance(self.rule, timedelta) else self.rule.shortest_gap) >= HOUR
