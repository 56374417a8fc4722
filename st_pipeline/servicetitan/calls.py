"""Counts of every call, in memory: endpoint, status, latency, retries, bytes; and latency percentiles.

history/ stores the counts. Memory is bounded: one record per endpoint and status, with latencies in buckets.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

# Upper bounds of the latency buckets in seconds, each about 25% above the last: 1 ms to 200 s in 56 buckets.
BOUNDS: tuple[float, ...] = tuple(0.001 * 1.25**n for n in range(56))


@dataclass(frozen=True, slots=True)
class CallCount:
    """The calls to one endpoint that ended with one status."""

    operation: str
    """``GET /crm/v2/tenant/{tenant}/export/customers``: has no ids, cursors or secrets."""
    status: int
    """HTTP status; 0 if there was no response (refused, dropped, timed out)."""
    calls: int
    retries: int
    """How many of the calls were retries."""
    bytes: int
    """Size of the bodies, decompressed."""
    seconds: float
    """Total seconds, from the start of each call to the end of its body, without the wait for a slot."""
    slowest: float
    buckets: tuple[int, ...]
    """Calls per latency bucket in ``BOUNDS``, plus one bucket for slower calls."""

    def latency(self, share: float) -> float:
        """Seconds within which this share (0 to 1) of the calls ended; at most 25% too high."""
        return latency(self.buckets, self.slowest, share)


def latency(buckets: Sequence[int], slowest: float, share: float) -> float:
    """Seconds within which a share (0 to 1) of the calls in ``buckets`` ended; at most 25% too high.

    To combine several counts, add their buckets element by element and pass the slowest call of all.
    """
    wanted, seen = share * sum(buckets), 0
    for bound, count in zip(BOUNDS, buckets, strict=False):
        seen += count
        if count and seen >= wanted:
            return min(bound, slowest)
    return slowest


@dataclass(slots=True)
class _Running:
    calls: int = 0
    retries: int = 0
    bytes: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class CallLog:
    """One client's counts; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], _Running] = {}

    def add(self, operation: str, *, status: int, seconds: float, size: int, is_retry: bool) -> None:
        """Count one finished call."""
        bucket = next((n for n, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        with self._lock:
            running = self._running.setdefault((operation, status), _Running())
            running.calls += 1
            running.retries += is_retry
            running.bytes += size
            running.seconds += seconds
            running.slowest = max(running.slowest, seconds)
            running.buckets[bucket] += 1

    def snapshot(self) -> list[CallCount]:
        """The counts so far, by operation and status; later calls do not change the snapshot."""
        with self._lock:
            return [
                CallCount(operation, status, r.calls, r.retries, r.bytes, r.seconds, r.slowest, tuple(r.buckets))
                for (operation, status), r in sorted(self._running.items())
            ]
