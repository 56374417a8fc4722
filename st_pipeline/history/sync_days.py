"""What was synced on each day, of syncs in the history and of those rolled up (history_retention.py) alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline.history.sync_history import running_syncs


@dataclass(frozen=True, slots=True)
class SyncDay:
    """The syncs of a tenant that started on one day, in UTC; partial ones apart. Syncs that run are not in it."""

    day: date
    tenant: str
    is_partial: bool
    syncs: int
    succeeded: int
    failed: int
    interrupted: int
    """Killed: nobody knows how long they ran and what they did."""
    seconds: float
    """How long the others took, together."""
    fetched: int
    loaded: int
    quarantined_whole: int
    quarantined_fields: int
    deleted: int
    pages: int
    bytes: int


def read_days(
    connection: psycopg.Connection[Any], since: date, until: date, *, tenant: str | None = None
) -> list[SyncDay]:
    """The days from ``since`` to ``until``, both included, of one tenant or of all; by day and tenant."""
    with connection.cursor(row_factory=class_row(SyncDay)) as cursor:
        return cursor.execute(
            """
            with days as (
                select * from control.sync_days
                where day between %(since)s and %(until)s and (%(tenant)s::text is null or tenant = %(tenant)s)
                union all
                select (started_at at time zone 'UTC')::date, tenant, is_partial, 1,
                    (outcome is not distinct from 'succeeded')::int, (outcome is not distinct from 'failed')::int,
                    (outcome is null)::int, coalesce(extract(epoch from finished_at - started_at), 0), fetched, loaded,
                    quarantined_whole, quarantined_fields, deleted, pages, bytes
                from control.syncs
                where started_at >= %(since)s::date::timestamp at time zone 'UTC'
                  and started_at < (%(until)s::date + 1)::timestamp at time zone 'UTC'
                  and (%(tenant)s::text is null or tenant = %(tenant)s)
                  and id <> all(%(running)s)
            )
            select day, tenant, is_partial, sum(syncs)::bigint as syncs, sum(succeeded)::bigint as succeeded,
                sum(failed)::bigint as failed, sum(interrupted)::bigint as interrupted, sum(seconds) as seconds,
                sum(fetched)::bigint as fetched, sum(loaded)::bigint as loaded,
                sum(quarantined_whole)::bigint as quarantined_whole,
                sum(quarantined_fields)::bigint as quarantined_fields, sum(deleted)::bigint as deleted,
                sum(pages)::bigint as pages, sum(bytes)::bigint as bytes
            from days group by day, tenant, is_partial order by day, tenant, is_partial
            """,
            {
                "since": since,
                "until": until,
                "tenant": tenant,
                "running": list(running_syncs(connection).values()),
            },
        ).fetchall()
