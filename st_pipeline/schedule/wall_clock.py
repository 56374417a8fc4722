"""Convert local clock times to instants, across skipped and repeated hours; and daily windows of hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from st_pipeline.tenants.cadence import Window

DAY = timedelta(days=1)
# Clock changes have been as large as a day, so the days next to an instant's own day matter too.
DAYS_AROUND = 2


@lru_cache(maxsize=16384)
def instant_of(day: date, at: time, zone: str) -> datetime:
    """The instant, in UTC, at which the clocks in ``zone`` show ``at`` on ``day``.

    A repeated time means the first of the two; a skipped time means the first instant after the gap. So ascending times
    always give ascending or equal instants.
    """
    here = ZoneInfo(zone)
    wall = datetime.combine(day, at)
    first = wall.replace(tzinfo=here, fold=0).astimezone(UTC)
    if first.astimezone(here).replace(tzinfo=None) == wall:
        return first
    # In a gap (PEP 495), fold 0 uses the offset before the gap, which gives an instant after it; fold 1 does the
    # opposite. The change is in between, on a whole second (RFC 8536).
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
    """The calendar day in ``zone`` at an instant."""
    return at.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class Hours:
    """A daily window of hours in a zone; without a window, all hours."""

    window: Window | None
    zone: str

    def next_allowed(self, at: datetime) -> datetime:
        """``at`` if it is in the window, else the window's next opening."""
        if self.window is None:
            return at
        return max(at, self._around_or_after(at)[0])

    def last_allowed(self, at: datetime) -> datetime:
        """``at`` if it is in the window, else the last instant (to the microsecond) of the previous window."""
        if self.window is None:
            return at
        for days in range(DAYS_AROUND, -DAYS_AROUND - 1, -1):
            opens, closes = self._on(day_of(at, self.zone) + days * DAY)
            if opens <= at:
                return min(at, closes - timedelta.resolution)
        raise AssertionError("a window opens every day")

    def since(self, at: datetime) -> datetime | None:
        """When the current or next window opens, as of ``at``; None without a window."""
        return self._around_or_after(at)[0] if self.window else None

    def end(self, at: datetime) -> datetime | None:
        """When the current or next window closes, as of ``at``; None without a window."""
        return self._around_or_after(at)[1] if self.window else None

    def _around_or_after(self, at: datetime) -> tuple[datetime, datetime]:
        for days in range(-DAYS_AROUND, DAYS_AROUND + 1):
            opens, closes = self._on(day_of(at, self.zone) + days * DAY)
            if at < closes:
                return opens, closes
        raise AssertionError("a window opens every day")

    def _on(self, day: date) -> tuple[datetime, datetime]:
        """The opening and (exclusive) closing of the window that opens on ``day``."""
        assert self.window
        opens = instant_of(day, self.window.start, self.zone)
        closes = instant_of(day + DAY if self.window.is_over_midnight else day, self.window.end, self.zone)
        if closes <= opens:
            # The clocks skip the whole window, so open it for its full length after the gap: that is later by the gap,
            # not by a day.
            closes = opens + _length(self.window)
        return opens, closes


def _length(window: Window) -> timedelta:
    """The window's length on a day without a clock change."""
    start, end = (datetime.combine(date.min, at) for at in (window.start, window.end))
    return (end - start) % DAY
