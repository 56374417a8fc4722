"""From times by a tenant's clock to instants, through missing and doubled hours; and windows of hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from st_pipeline.tenants.cadence import Window

DAY = timedelta(days=1)
# Clocks have been put forward or back by as much as a day, so what concerns an instant is on a day next to its own.
DAYS_AROUND = 2


@lru_cache(maxsize=16384)
def instant_of(day: date, at: time, zone: str) -> datetime:
    """The instant, in UTC, at which the clocks of ``zone`` show ``at`` on ``day``.

    A time that is shown twice is the first of the two; one that is skipped is the first instant after the gap. So the
    instants of ascending times never descend.
    """
    here = ZoneInfo(zone)
    wall = datetime.combine(day, at)
    first = wall.replace(tzinfo=here, fold=0).astimezone(UTC)
    if first.astimezone(here).replace(tzinfo=None) == wall:
        return first
    # In a gap (PEP 495) fold 0 reads the time with the offset before it, which is an instant after it, and fold 1 the
    # other way around. In between is the change, on a whole second (RFC 8536).
    before, after = wall.replace(tzinfo=here, fold=1).astimezone(UTC), first
    offset = after.astimezone(here).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(here).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def day_of(at: datetime, zone: str) -> date:
    """The day that the calendars of ``zone`` show at an instant."""
    return at.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class Hours:
    """A window of hours in a zone, day after day; without a window all hours."""

    window: Window | None
    zone: str

    def next_allowed(self, at: datetime) -> datetime:
        """``at`` where it is in the window, else the window's next beginning."""
        if self.window is None:
            return at
        return max(at, self._around_or_after(at)[0])

    def last_allowed(self, at: datetime) -> datetime:
        """``at`` where it is in the window, else the last instant (to the microsecond) of the window before."""
        if self.window is None:
            return at
        for days in range(DAYS_AROUND, -DAYS_AROUND - 1, -1):
            opens, closes = self._on(day_of(at, self.zone) + days * DAY)
            if opens <= at:
                return min(at, closes - timedelta.resolution)
        raise AssertionError("a window opens every day")

    def since(self, at: datetime) -> datetime | None:
        """When the window that ``at`` is in, or the next one, begins; None without a window."""
        return self._around_or_after(at)[0] if self.window else None

    def end(self, at: datetime) -> datetime | None:
        """When the window that ``at`` is in, or the next one, ends; None without a window."""
        return self._around_or_after(at)[1] if self.window else None

    def _around_or_after(self, at: datetime) -> tuple[datetime, datetime]:
        for days in range(-DAYS_AROUND, DAYS_AROUND + 1):
            opens, closes = self._on(day_of(at, self.zone) + days * DAY)
            if at < closes:
                return opens, closes
        raise AssertionError("a window opens every day")

    def _on(self, day: date) -> tuple[datetime, datetime]:
        """The beginning and the end of the window that begins on ``day``, the end not in it."""
        assert self.window
        opens = instant_of(day, self.window.start, self.zone)
        closes = instant_of(day + DAY if self.window.is_over_midnight else day, self.window.end, self.zone)
        if closes <= opens:
            # The clocks skip all of it: as long as it is, after the gap. Better late by the gap than by a day.
            closes = opens + _length(self.window)
        return opens, closes


def _length(window: Window) -> timedelta:
    """By clocks that nobody puts forward or back."""
    start, end = (datetime.combine(date.min, at) for at in (window.start, window.end))
    return (end - start) % DAY
