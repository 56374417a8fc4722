"""Limits tries to sign in, without letting strangers lock anyone out. Rows of ``control.sign_in_tries``.

A browser that has signed in to the account before keeps a cookie that proves it, and has tries of its own, whatever
strangers do (OWASP: slow down online guessing attacks with device cookies). All others share the account's tries, and
those of their address. Every try counts before its result is known.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from st_pipeline.locks import Lock

MINUTES = 15
PER_SOURCE = 10
"""At one account, from one address or known browser."""
PER_ACCOUNT = 30
"""At one account, from all addresses together."""
PER_ADDRESS = 50
"""At all accounts, from one address."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries within the last MINUTES, before this one."""

    at_account_from_source: int
    at_account_from_strangers: int
    from_source: int


def is_allowed(tries: Tries, *, is_known: bool) -> bool:
    """Whether another try is allowed. Pure."""
    if is_known:
        return tries.at_account_from_source < PER_SOURCE
    return (
        tries.at_account_from_source < PER_SOURCE
        and tries.at_account_from_strangers < PER_ACCOUNT
        and tries.from_source < PER_ADDRESS
    )


@dataclass(frozen=True, slots=True)
class Throttle:
    """``digest`` is a keyed hash. What someone enters as the name may be a password, so only its hash is stored."""

    digest: Callable[[str], bytes]

    def allows(
        self, connection: psycopg.Connection[Any], account: str, address: str, now: datetime, device: str | None = None
    ) -> bool:
        """Count a try; whether it is allowed. ``device`` is the value of the browser's cookie, if it has one."""
        hashed = self._hash(account)
        is_known = self._is_known(device, hashed)
        source = f"browser {device}" if is_known else address
        with connection.transaction():
            # One at a time, or tries at the same moment would not see each other.
            connection.execute("select pg_advisory_xact_lock(%s)", (Lock.SIGN_IN,))
            since = now - timedelta(minutes=MINUTES)
            connection.execute("delete from control.sign_in_tries where at <= %s", (since,))
            row = connection.execute(
                """
                select count(*) filter (where account = %(account)s and source = %(source)s),
                    count(*) filter (where account = %(account)s and not is_known),
                    count(*) filter (where source = %(source)s)
                from control.sign_in_tries where account = %(account)s or source = %(source)s
                """,
                {"account": hashed, "source": source},
            ).fetchone()
            assert row
            tries = Tries(*row)
            # Tries at a throttled account still count for their address.
            if tries.from_source < (PER_SOURCE if is_known else PER_ADDRESS):
                connection.execute(
                    "insert into control.sign_in_tries values (%s, %s, %s, %s)", (hashed, source, is_known, now)
                )
        return is_allowed(tries, is_known=is_known)

    def allows_address(self, connection: psycopg.Connection[Any], address: str, now: datetime) -> bool:
        """The same if the account isn't known yet: only the address counts."""
        return self.allows(connection, secrets.token_hex(16), address, now)

    def clear(self, connection: psycopg.Connection[Any], account: str, address: str, device: str | None = None) -> None:
        """Clear the tries from this source after a correct one. A stranger's tries still count."""
        connection.execute(
            "delete from control.sign_in_tries where account = %s and source = any(%s)",
            (self._hash(account), [address, f"browser {device}"]),
        )

    def known_device(self, account: str, device: str | None) -> str:
        """The cookie's value for a browser that has just signed in to ``account``."""
        hashed = self._hash(account)
        if device and self._is_known(device, hashed):
            return device
        return f"{hashed.hex()}.{secrets.token_urlsafe(16)}"

    def _hash(self, account: str) -> bytes:
        return self.digest(account.strip().lower()[:200])

    def _is_known(self, device: str | None, hashed: bytes) -> bool:
        return (device or "").split(".")[0] == hashed.hex()
