"""Requested syncs: a row is the request, the daemon acts on it, and the sync that serves it marks it as served.

due_times.py decides when tenants are due without a request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline.locks import request_name

# A request whose sync was killed is retried, but not forever, in case it is what kills the process.
MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """One open request."""

    id: int
    tenant: str
    requested_by: str
    requested_at: datetime
    is_full: bool
    entities: Sequence[str] | None
    """None: all entities."""

    def is_covered(self, entities: Collection[str] | None, *, full: bool) -> bool:
        """Whether a sync of these entities (None: all) covers the request."""
        has_all = entities is None or (self.entities is not None and set(self.entities) <= set(entities))
        return has_all and (full or not self.is_full)


def request_sync(
    connection: psycopg.Connection[Any],
    tenant: str,
    requested_by: str,
    now: datetime,
    *,
    full: bool = False,
    entities: Iterable[str] | None = None,
) -> int:
    """Add a request and return its id. If the same request is still open and not started, return its id instead."""
    asked = None if entities is None else sorted(set(entities))
    with connection.transaction():
        # One requester at a time, so that pressing a button twice makes one request.
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (request_name(tenant),))
        same = connection.execute(
            """
            select id from control.sync_requests
            where tenant = %s and served_at is null and is_full = %s and entities is not distinct from %s::text[]
            order by id limit 1
            """,
            (tenant, full, asked),
        ).fetchone()
        row = (
            same
            or connection.execute(
                """
            insert into control.sync_requests (tenant, requested_by, requested_at, is_full, entities)
            values (%s, %s, %s, %s, %s) returning id
            """,
                (tenant, requested_by, now, full, asked),
            ).fetchone()
        )
    assert row
    return row[0]


def read_open_requests(
    connection: psycopg.Connection[Any], tenant: str | None = None, *, holds_lock: bool = False
) -> list[SyncRequest]:
    """Requests of registered tenants (or of one) that no sync has started, or whose sync was killed; oldest first.

    A sync without an end is running while its process holds the tenant's lock (landing/tenant_lock.py). With
    ``holds_lock``, the caller holds that lock itself, so no sync of the tenant is running.
    """
    with connection.cursor(row_factory=class_row(SyncRequest)) as cursor:
        return cursor.execute(
            """
            select r.id, r.tenant, r.requested_by, r.requested_at, r.is_full, r.entities
            from control.sync_requests r
            join control.tenants t on t.key = r.tenant and t.enabled
            left join control.syncs s on s.id = r.sync_id
            where (%(tenant)s::text is null or r.tenant = %(tenant)s)
              and (
                r.served_at is null
                or (
                    s.outcome is null and s.id is not null and r.attempts < %(attempts)s
                    and (%(holds_lock)s or t.key not in (select tenant from control.locked_tenants))
                )
              )
            order by r.id
            """,
            {"tenant": tenant, "attempts": MOST_ATTEMPTS, "holds_lock": holds_lock},
        ).fetchall()


def mark_served(
    connection: psycopg.Connection[Any],
    requests: Iterable[SyncRequest],
    sync_id: int,
    now: datetime,
    *,
    entities: Collection[str] | None,
    full: bool,
) -> None:
    """Record that sync ``sync_id`` has started and serves the requests it covers."""
    covered = [request.id for request in requests if request.is_covered(entities, full=full)]
    connection.execute(
        """
        update control.sync_requests set served_at = %s, sync_id = %s, attempts = attempts + 1 where id = any(%s)
        """,
        (now, sync_id, covered),
    )
