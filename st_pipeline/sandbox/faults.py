"""The sandbox's faults, and the choice of a fault for each request.

Decisions only: app.py applies the faults to requests, defects.py to records.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Faults:
    """Shares of requests (0 to 1) that fail, each kind drawn independently; all zero: no failures.

    ``retry_after_seconds`` is the wait in an injected 429. ``slow_seconds`` is the delay of a slow response.
    ``token_seconds`` shortens the life of new tokens (None: 900). With ``repeat_token`` each export endpoint returns,
    once per tenant, the token from the request. ``untypable`` is a share of records, not of requests: always the same
    records with the same defects. ``seed`` makes the draws repeatable.
    """

    rate_429: float = 0.0
    rate_5xx: float = 0.0
    rate_truncated: float = 0.0
    rate_reset: float = 0.0
    rate_firewall: float = 0.0
    rate_slow: float = 0.0
    slow_seconds: float = 1.0
    retry_after_seconds: int = 1
    token_seconds: float | None = None
    repeat_token: bool = False
    untypable: float = 0.0
    seed: int = 0


class Fault(Enum):
    """What happens to one request or its response."""

    TOO_MANY = "429"
    SERVER_ERROR = "5xx"
    TRUNCATED = "truncated"
    RESET = "reset"
    FIREWALL = "firewall"
    """A firewall on the way answers instead: 403 in HTML."""


def draw(faults: Faults, rng: random.Random) -> tuple[Fault | None, bool]:
    """The fault for one request, if any, and whether its response is slow."""
    slow = rng.random() < faults.rate_slow
    point = rng.random()
    for fault, rate in (
        (Fault.TOO_MANY, faults.rate_429),
        (Fault.SERVER_ERROR, faults.rate_5xx),
        (Fault.TRUNCATED, faults.rate_truncated),
        (Fault.RESET, faults.rate_reset),
        (Fault.FIREWALL, faults.rate_firewall),
    ):
        if point < rate:
            return fault, slow
        point -= rate
    return None, slow
