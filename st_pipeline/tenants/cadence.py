"""What a cadence is: on which days, at which times, or how often; and in which hours a sync may start.

Reading one from text is in cadence_parsing.py. What is due when is decided in the room schedule/.
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
    """The hours of the tenant's day in which a sync may start, without ``end`` itself."""

    start: time
    end: time

    @property
    def is_over_midnight(self) -> bool:
        """Whether it ends on the day after: where ``end`` is the earlier of the two."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True)
class Calendar:
    """Times of days, by the tenant's clock."""

    times: tuple[time, ...]
    """In ascending order, without seconds."""
    months: frozenset[int] = EVERY_MONTH
    days: frozenset[int] = EVERY_DAY
    """Of the month."""
    weekdays: frozenset[int] = EVERY_WEEKDAY
    """0 is Monday."""
    last_if_shorter: bool = False
    """A month without the day has its last day instead. Cron has no such rule: its 31st are seven a year."""

    def has_day(self, day: date) -> bool:
        """Whether there are times on ``day``.

        Where days of the month and of the week are both restricted, either suffices (POSIX, crontab).
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
        """False for the 30th of February and its like."""
        longest = max(29 if month == 2 else calendar.monthrange(2024, month)[1] for month in self.months)
        return min(self.days) <= longest or (self.weekdays != EVERY_WEEKDAY) or self.last_if_shorter

    @property
    def shortest_gap(self) -> timedelta:
        """Between two times by the clock, were there times on every day."""
        minutes = [at.hour * 60 + at.minute for at in self.times]
        following = [*minutes[1:], minutes[0] + 24 * 60]
        return min(timedelta(minutes=b - a) for a, b in zip(minutes, following, strict=True))


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a tenant is synced. ``rule``: times of days; or elapsed time; or None, never by itself."""

    text: str
    """As it is stored and shown; parsing it gives the same cadence."""
    rule: Calendar | timedelta | None
    window: Window | None = None

    @property
    def is_paused(self) -> bool:
        """Whether nothing happens by itself."""
        return self.rule is None

    @property
    def is_spread(self) -> bool:
        """Whether its times are an hour or more apart, so that each tenant may have its own delay after them."""
        if self.rule is None:
            return False
        return (self.rule if isinstance(self.rule, timedelta) else self.rule.shortest_gap) >= HOUR
