"""Claims on tenants for which a run was just requested, so that two launchers never request the same one.

A claim holds until the tenant's sync starts, and for a limited time: by then the run is in the orchestrator's queue, or
it was never created.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg

LONGEST_CLAIM = timedelta(seconds=90)


def claim(connection: psycopg.Connection[Any], tenants: Iterable[str], now: datetime) -> set[str]:
    """Claim these tenants. Returns those that no one else has claimed."""
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
    """End the claim: the run has reached the tenant, or there is no run. The tenant can be launched again."""
    connection.execute("delete from control.launches where tenant = %s", (tenant,))
