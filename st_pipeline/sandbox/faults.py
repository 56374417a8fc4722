"""How the sandbox misbehaves when told to: which faults there are, and which of them strikes a request.

Only the decision lives here; app.py carries it out, defects.py spoils records.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Faults:
    """Shares of requests (0 to 1) that go wrong, each kind decided on its own; all zero: a perfect server.

    ``retry_after_seconds`` is the wait that an injected 429 names. ``slow_seconds`` is how long a slow answer takes.
    ``token_seconds`` shortens the life of tokens issued from now on (None: 900). ``repeat_token`` makes each export
    endpoint answer, once per tenant, with the token it was asked with. ``untypable`` is a share of records, not of
    requests: always the same records, with always the same defect. ``seed`` makes the draw repeatable.
    """

    rate_429: float = 0.0
    rate_5xx: float = 0.0
    rate_truncated: float = 0.0
    rate_reset: float = 0.0
    rate_slow: float = 0.0
    slow_seconds: float = 1.0
    retry_after_seconds: int = 1
    token_seconds: float | None = None
    repeat_token: bool = False
    untypable: float = 0.0
    seed: int = 0


class Fault(Enum):
    """What happens to one request in place of, or to, its answer."""

    TOO_MANY = "429"
    SERVER_ERROR = "5xx"
    TRUNCATED = "truncated"
    RESET = "reset"


def draw(faults: Faults, rng: random.Random) -> tuple[Fault | None, bool]:
    """The fault that strikes one request, if any, and whether its answer is slow."""
    slow = rng.random() < faults.rate_slow
    point = rng.random()
    for fault, rate in (
        (Fault.TOO_MANY, faults.rate_429),
        (Fault.SERVER_ERROR, faults.rate_5xx),
        (Fault.TRUNCATED, faults.rate_truncated),
        (Fault.RESET, faults.rate_reset),
    ):
        if point < rate:
            return fault, slow
        point -= rate
    return None, slow
