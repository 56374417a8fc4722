"""A clock that replaces a module's ``time`` and moves only during ``sleep``: waits are exact and take no time."""

from __future__ import annotations


class SteppedTime:
    """``sleep`` moves the clock by what was asked for; ``oversleep`` adds to it, as a busy machine does."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self.oversleep = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + self.oversleep
