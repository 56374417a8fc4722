"""Limits sign-in attempts per account and per address, in the memory of the single serving process.

Every attempt counts before its result is known; a correct one clears its account.
"""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

MINUTES = 15
PER_ACCOUNT = 10
PER_ADDRESS = 50


class Throttle:
    """Attempts within the last MINUTES."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._account: RateLimitItem = RateLimitItemPerMinute(PER_ACCOUNT, MINUTES)
        self._address: RateLimitItem = RateLimitItemPerMinute(PER_ADDRESS, MINUTES)

    def allows(self, account: str, address: str) -> bool:
        """Count an attempt; whether it is allowed."""
        # Evaluate both, so that attempts throttled by account still count for the address.
        by_address = self._limiter.hit(self._address, "address", address)
        return self._limiter.hit(self._account, "account", account.strip().lower()[:200]) and by_address

    def allows_address(self, address: str) -> bool:
        """The same if the account isn't known yet."""
        return self._limiter.hit(self._address, "address", address)

    def clear(self, account: str) -> None:
        """Clear the account's earlier attempts after a correct one."""
        self._limiter.clear(self._account, "account", account.strip().lower()[:200])

    def forget(self) -> None:
        """Forget all attempts."""
        self._storage.reset()
