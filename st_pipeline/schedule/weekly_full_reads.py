"""Weekly full refreshes of entities whose feed may not report deleted records, each tenant at its own hour.

servicetitan/catalogue/assets.py lists the entities, with reasons. This module decides who is due and requests the
refresh; sync_requests.py has the requests.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline.locks import full_reads_name
from st_pipeline.schedule import sync_requests
from st_pipeline.servicetitan.catalogue.assets import WEEKLY_REREADS

WEEK = timedelta(weeks=1)
HOURS = 168
RECENT = timedelta(days=5)
"""A full read this recent before a tenant's hour counts for that hour.

Less than a week, so that a read that was a day or two late doesn't postpone the next one.
"""
ROUNDS_A_DAY = 24
REQUESTED_BY = "the weekly full refresh"

_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FullRead:
    """One entity of a tenant that may need a full refresh. Instants are timezone-aware."""

    tenant: str
    entity: str
    first_read_at: datetime
    """When it was first read."""
    last_read_at: datetime
    """When it was last read in full, or a full read was requested."""


def hour_before(tenant: str, now: datetime) -> datetime:
    """The last time, at or before ``now``, of this tenant's hour of the week: one of 168, determined by its key."""
    digest = hashlib.sha256(tenant.encode()).digest()
    first = _MONDAY + timedelta(hours=int.from_bytes(digest[:8], "big") % HOURS)
    return first + (now - first) // WEEK * WEEK


def is_due(reading: FullRead, now: datetime) -> bool:
    """Whether the tenant's hour has come, a week or more after the first read, without a recent full read."""
    hour = hour_before(reading.tenant, now)
    return reading.first_read_at <= hour - WEEK and reading.last_read_at < hour - RECENT


def select_due(readings: Collection[FullRead], now: datetime) -> dict[str, list[str]]:
    """Tenant -> entities to refresh in full, the longest overdue first.

    If many are due at once, such as after a week without a daemon, they are spread out: each round takes only as many
    as needed to finish within a day of hourly rounds.
    """
    most = math.ceil(len({reading.tenant for reading in readings}) / ROUNDS_A_DAY)
    found: dict[str, list[str]] = {}
    for reading in sorted(readings, key=lambda one: (hour_before(one.tenant, now), one.tenant, one.entity)):
        if is_due(reading, now) and (reading.tenant in found or len(found) < most):
            found.setdefault(reading.tenant, []).append(reading.entity)
    return found


def read_full_reads(
    connection: psycopg.Connection[Any], entities: Iterable[str] = tuple(WEEKLY_REREADS)
) -> list[FullRead]:
    """Entities that an enabled, connected tenant has read and that have no full read waiting to start.

    Reads from the beginning come from the ledger, which keeps all of them.
    """
    with connection.cursor(row_factory=class_row(FullRead)) as cursor:
        rows = cursor.execute(
            """
            select t.key as tenant, asked.entity, first.landed_at as first_read_at,
                greatest(last.landed_at, requested.at) as last_read_at
            from control.tenants t
            cross join unnest(%s::text[]) as asked (entity)
            join lateral (
                select landed_at from control.landed_files f
                where f.tenant = t.key and f.entity = asked.entity and f.n = 0 and f.cursor_from is null
                order by f.id limit 1
            ) first on true
            join lateral (
                select landed_at from control.landed_files f
                where f.tenant = t.key and f.entity = asked.entity and f.n = 0 and f.cursor_from is null
                order by f.id desc limit 1
            ) last on true
            left join lateral (
                select max(r.requested_at) as at from control.sync_requests r
                where r.tenant = t.key and r.is_full and (r.entities is null or asked.entity = any(r.entities))
            ) requested on true
            where t.enabled and t.status = 'connected'
            order by t.key, asked.entity
            """,
            (list(entities),),
        ).fetchall()
    waiting = [request for request in sync_requests.read_open_requests(connection) if request.is_full]
    return [
        row
        for row in rows
        if not any(r.tenant == row.tenant and (r.entities is None or row.entity in r.entities) for r in waiting)
    ]


def request_full_reads(connection: psycopg.Connection[Any], now: datetime) -> Mapping[str, list[str]]:
    """Request the full refreshes that are due at ``now``; tenant -> entities. Concurrent calls request each once."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [full_reads_name()])
        found = select_due(read_full_reads(connection), now)
        for tenant, entities in found.items():
            sync_requests.request_sync(connection, tenant, REQUESTED_BY, now, full=True, entities=entities)
    return found
