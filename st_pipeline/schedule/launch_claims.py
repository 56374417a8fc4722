"""Which tenants a run was just asked for: keeps two launchers from asking for two at one moment.

A claim holds until the tenant's sync begins, and for a while at most: by then the run can be seen in the
orchestrator's queue, or never came to be.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg

LONGEST_CLAIM = timedelta(seconds=90)


def claim(connection: psycopg.Connection[Any], tenants: Iterable[str], now: datetime) -> set[str]:
    """Those of the tenants that nobody else has claimed; they are now claimed by the caller."""
    rows = connection.execute(
        """
        insert into control.launches as mine (tenant, launched_at)
        select unnest(%s::text[]), %s
        on conflict (tenant) do update set launched_at = excluded.launched_at
        where mine.launched_at not between excluded.launched_at - %s and excluded.launched_at
        returning tenant
        """,
        (sorted(set(tenants)), now, LONGEST_CLAIM),
    ).fetchall()
    return {tenant for (tenant,) in rows}


def release(connection: psycopg.Connection[Any], tenant: str) -> None:
    """End the claim: the tenant's run has come to it, or there is none; what is due from now on may be launched."""
    connection.execute("delete from control.launches where tenant = %s", (tenant,))
