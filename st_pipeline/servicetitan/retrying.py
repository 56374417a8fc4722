"""What may be tried again, how long to wait, and the loop that does so. No HTTP: transport.py makes the attempts."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

T = TypeVar("T")

_TITLE = re.compile(r"\bin ([0-9]{1,9}(?:\.[0-9]{1,9})?) (second|minute)", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one call is tried; waits in seconds."""

    tries: int = 10
    """Attempts in all, the first included."""
    first_wait: float = 0.5
    longest_wait: float = 60.0
    """Limit of a wait of our own choosing."""
    longest_named_wait: float = 300.0
    """Limit of a wait that the API names."""
    total_wait: float = 900.0
    """Waits of one call together; the API's server time-out is 100 s, an outage of minutes is ordinary."""


@dataclass(frozen=True, slots=True)
class Again:
    """An attempt that failed in a way that may pass."""

    reason: str
    """For people: ``HTTP 503``, ``connection dropped``."""
    status: int | None = None
    wait: float | None = None
    """Seconds the API named; None leaves it to the policy."""
    is_malformed: bool = False
    """An answer came, but not of the documented shape."""
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """All tries are spent; ``last`` is why the last one failed."""

    last: Again
    tries: int
    seconds: float


def is_retryable(status: int) -> bool:
    """Whether the same request may succeed later: 408, 429 and 5xx; never another 4xx (401 is renewed, not retried)."""
    return status in (408, 429) or 500 <= status <= 599


def own_wait(policy: RetryPolicy, failures: int, chance: float) -> float:
    """Exponential backoff with full jitter: after the nth failure between 0 and first_wait * 2^(n-1), limited.

    ``chance`` is in [0, 1).
    """
    ceiling = min(policy.longest_wait, policy.first_wait * 2 ** min(failures - 1, 30))
    return ceiling * chance


def named_wait(retry_after: str | None, title: str | None, now: datetime) -> float | None:
    """Seconds that a 429 or 503 asks for, from ``Retry-After`` (seconds or an HTTP date) and the problem's title.

    ServiceTitan writes "Rate limit is exceeded. Try again in 60 seconds." and sends the header only sometimes; where
    both are there, the longer wait is kept. None where neither says anything usable. Never negative.
    """
    waits = [wait for wait in (_of_header(retry_after, now), _of_title(title)) if wait is not None]
    return max(waits) if waits else None


def _of_header(value: str | None, now: datetime) -> float | None:
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:  # RFC 9110: HTTP dates are in UTC; -0000 parses as naive
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def _of_title(title: str | None) -> float | None:
    found = _TITLE.search(title or "")
    if found is None:
        return None
    return float(found[1]) * (60 if found[2].lower() == "minute" else 1)


def retry(
    policy: RetryPolicy,
    attempt: Callable[[int], T | Again],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> T | GivenUp:
    """Calls ``attempt(1)``, ``attempt(2)``, … until it answers something else than Again, or the policy is spent.

    A wait that the API named is kept as it is (up to ``longest_named_wait``); the last failure is not waited for.
    What ``attempt`` raises passes through.
    """
    started, waited = clock(), 0.0
    for number in range(1, policy.tries + 1):
        outcome = attempt(number)
        if not isinstance(outcome, Again):
            return outcome
        wait = min(outcome.wait or own_wait(policy, number, chance()), policy.longest_named_wait)
        waited += wait
        if number == policy.tries or waited > policy.total_wait:
            return GivenUp(outcome, number, clock() - started)
        sleep(wait)
    raise ValueError(f"a retry policy needs at least one try, not {policy.tries}")
