"""How often somebody may try to sign in: per account and per address, in the memory of the one process that serves.

What is counted is tries, before it is known whether they are right; a right one clears its account.
"""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

MINUTES = 15
PER_ACCOUNT = 10
PER_ADDRESS = 50


class Throttle:
    """Tries within the last MINUTES."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._account: RateLimitItem = RateLimitItemPerMinute(PER_ACCOUNT, MINUTES)
        self._address: RateLimitItem = RateLimitItemPerMinute(PER_ADDRESS, MINUTES)

    def allows(self, account: str, address: str) -> bool:
        """Whether one more try is allowed; it is counted."""
        # Both are asked, so that one who is throttled by account still uses up the address.
        by_address = self._limiter.hit(self._address, "address", address)
        return self._limiter.hit(self._account, "account", account.strip().lower()[:200]) and by_address

    def allows_address(self, address: str) -> bool:
        """The same where it is not known yet which account it will be."""
        return self._limiter.hit(self._address, "address", address)

    def clear(self, account: str) -> None:
        """The right one came: earlier tries of the account no longer count."""
        self._limiter.clear(self._account, "account", account.strip().lower()[:200])

    def forget(self) -> None:
        """Nobody tried anything."""
        self._storage.reset()
