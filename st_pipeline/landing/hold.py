"""Proof that a process still has a tenant's lock: without it, nothing is committed.

The lock ends with its connection, which a firewall or a restart of the server may cut while the sync goes on. So every
holder gets a number, and a transaction keeps the next holder's number from being given until it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from st_pipeline.steps.advised_error import AdvisedError
from st_pipeline.steps.step import Do, Step

STILL_OURS = "select 1 from control.tenant_holds where tenant = $1 and number = $2 for share"


class LockLost(AdvisedError):
    """Another process took the tenant's lock after ours ended. The transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One time that a tenant's lock was taken."""

    tenant: str
    number: int

    def check(self, connection: psycopg.Connection) -> None:
        """Call this last in a transaction. Raises LockLost."""
        query = STILL_OURS.replace("$1", "%s").replace("$2", "%s")
        self.require(connection.execute(query.encode(), (self.tenant, self.number)).fetchone())

    def require(self, row: tuple[Any, ...] | None) -> None:
        """``row``: the answer to STILL_OURS. Raises LockLost if there is none."""
        if row is None:
            raise LockLost(
                "the connection that held this tenant's lock ended, and another sync took over, so this one stopped",
                Step(Do.WAIT_FOR_RETRY),
            )


def take(connection: psycopg.Connection, tenant: str) -> Hold:
    """A new hold, which ends all earlier ones. It waits for their transactions. The caller has the lock."""
    row = connection.execute(
        """
        insert into control.tenant_holds as held (tenant, number) values (%s, 1)
        on conflict (tenant) do update set number = held.number + 1 returning number
        """,
        (tenant,),
    ).fetchone()
    assert row
    return Hold(tenant, row[0])
