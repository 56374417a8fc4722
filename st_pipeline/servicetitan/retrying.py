"""Which failures to retry, how long to wait, and the retry loop. No HTTP: transport.py makes the attempts."""

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
    """How often and how long to retry one call; waits in seconds."""

    tries: int = 10
    """Total attempts, including the first."""
    first_wait: float = 0.5
    longest_wait: float = 60.0
    """Limit of a backoff wait."""
    longest_named_wait: float = 300.0
    """Limit of a wait named by the API."""
    total_seconds: float = 900.0
    """No attempt begins later than this: the API's server timeout is 100 s, and outages last minutes."""


@dataclass(frozen=True, slots=True)
class Again:
    """A failed attempt that may succeed later."""

    reason: str
    """For people: ``HTTP 503``, ``connection dropped``."""
    status: int | None = None
    wait: float | None = None
    """Seconds named by the API; None leaves the wait to the policy."""
    is_malformed: bool = False
    """There was a response, but not of the documented shape."""
    trace_id: str | None = None
    is_foreign: bool = False
    """There was a response, but not from ServiceTitan: from a firewall, a proxy, or a sign-in page on the way."""
    is_unconnected: bool = False
    """There was no connection at all: nothing listens there, or nothing lets us through."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """All retries failed; ``last`` is the last failure."""

    last: Again
    tries: int
    seconds: float


def is_retryable(status: int) -> bool:
    """Whether a retry may succeed: 408, 429 and 5xx; never another 4xx (a 401 gets a new token instead)."""
    return status in (408, 429) or 500 <= status <= 599


def own_wait(policy: RetryPolicy, failures: int, chance: float) -> float:
    """Exponential backoff with full jitter: after the nth failure between 0 and first_wait * 2^(n-1), capped."""
    ceiling = min(policy.longest_wait, policy.first_wait * 2 ** min(failures - 1, 30))
    return ceiling * chance


def named_wait(retry_after: str | None, title: str | None, now: datetime) -> float | None:
    """The wait in a 429 or 503, in seconds, from ``Retry-After`` (seconds or an HTTP date) and the problem's title.

    ServiceTitan writes "Rate limit is exceeded. Try again in 60 seconds." and only sometimes sends the header; if both
    are there, the longer wait applies. None if neither is usable. Never negative.
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
    """Call ``attempt(1)``, ``attempt(2)``, … until one returns something other than Again or the policy is exhausted.

    Waits named by the API apply as they are (up to ``longest_named_wait``). There is no wait after the last failure.
    Exceptions from ``attempt`` propagate.
    """
    started = clock()
    for number in range(1, policy.tries + 1):
        outcome = attempt(number)
        if not isinstance(outcome, Again):
            return outcome
        wait = min(outcome.wait or own_wait(policy, number, chance()), policy.longest_named_wait)
        spent = clock() - started
        if number == policy.tries or spent + wait > policy.total_seconds:
            return GivenUp(outcome, number, spent)
        sleep(wait)
    raise ValueError(f"a retry policy needs at least one try, not {policy.tries}")
