"""Log of every request, and the limit of 60 calls a second per app and tenant. Uses real time, not ``Clock``."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import NamedTuple

CALLS_PER_SECOND = 60
TOKEN_PATH = "/connect/token"  # noqa: S105  (a path)


class Call(NamedTuple):
    """One request: arrival (``time.monotonic``), tenant, path and status (0: connection reset)."""

    at: float
    tenant: int | None
    path: str
    status: int
    query: str = ""


class Limiter:
    """At most ``most`` accepted calls in any second, per app key and tenant."""

    def __init__(self, most: int = CALLS_PER_SECOND) -> None:
        self._most = most
        self._accepted: dict[tuple[str, int], deque[float]] = defaultdict(deque)

    def admits(self, app_key: str, tenant: int, at: float | None = None) -> bool:
        """Whether a call now is within the limit. Accepted calls count toward it."""
        at = time.monotonic() if at is None else at
        times = self._accepted[app_key, tenant]
        while times and times[0] <= at - 1.0:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(at)
        return True


class CallLog:
    """All calls in order of arrival; safe to read while the server runs."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Log one call."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Call]:
        """A copy of the log."""
        with self._lock:
            return list(self._calls)

    def peak_rate(self, tenant: int) -> int:
        """A tenant's highest number of API calls in any second, whatever their status; token requests don't count."""
        times = sorted(c.at for c in self.all() if c.tenant == tenant and c.path != TOKEN_PATH)
        peak = start = 0
        for end, at in enumerate(times):
            while times[start] <= at - 1.0:
                start += 1
            peak = max(peak, end - start + 1)
        return peak
