"""The sandbox's clock. Tests advance it instead of sleeping.

It determines what an export shows and when a token expires. The limit of 60 calls a second uses real time (calls.py).
"""

from __future__ import annotations

import datetime as dt
import time

from st_pipeline.sandbox import instants


class Clock:
    """Real time plus an offset or, given a start, a clock that stands still until you advance it."""

    def __init__(self, start: dt.datetime | None = None) -> None:
        self._start = None if start is None else instants.from_datetime(start)
        self._offset = 0

    def now(self) -> int:
        """The current time in ticks."""
        base = time.time_ns() // 100 if self._start is None else self._start
        return base + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward; ValueError for negative seconds."""
        if seconds < 0:
            raise ValueError("the sandbox's clock goes forward only")
        self._offset += round(seconds * instants.SECOND)
