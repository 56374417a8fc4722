"""Write the history of syncs: a row when a sync starts, its entities and calls when it ends.

syncs.py reads the syncs, api_usage.py the calls, overview.py the current state of every tenant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from st_pipeline.history.latency_buckets import sum_buckets
from st_pipeline.servicetitan.calls import CallCount
from st_pipeline.steps.step import Steps, to_json
from st_pipeline.tenants.credentials import masked


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """What one sync did for one entity; counts are of records unless noted."""

    entity: str
    outcome: str
    fetched: int = 0
    landed: int = 0
    loaded: int = 0
    quarantined_whole: int = 0
    quarantined_fields: int = 0
    deleted: int = 0
    files: int = 0
    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    api_total: int | None = None
    detail: str | None = None
    trace_id: str | None = None
    """The API's, of the error in ``detail``."""
    steps: Steps = ()
    """What to do about ``detail``."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a sync runs."""

    reason: str = "manual"
    """``manual``, ``request``, or a reason from the schedule: ``first``, ``regular``, ``catch_up``, ``retry``."""
    due_for: datetime | None = None
    """The scheduled time it serves."""
    requested_by: str = ""
    """Who requested it; empty for a scheduled sync."""


BY_HAND = Cause()


def record_start(
    connection: psycopg.Connection,
    tenant: str,
    run_id: str | None,
    now: datetime,
    *,
    full: bool,
    partial: bool = False,
    cause: Cause = BY_HAND,
) -> int:
    """Record a new sync and return its id; ``partial`` means only some entities, or loads only."""
    row = connection.execute(
        """
        insert into control.syncs
            (tenant, run_id, is_full, is_partial, reason, due_for, requested_by, started_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s) returning id
        """,
        (tenant, run_id, full, partial, cause.reason, cause.due_for, cause.requested_by, now),
    ).fetchone()
    assert row
    return row[0]


def record_finish(
    connection: psycopg.Connection,
    sync_id: int,
    tenant: str,
    now: datetime,
    *,
    error: str | None,
    own_error: str | None = None,
    steps: Steps = (),
    trace_id: str | None = None,
    entities: Iterable[EntityRecord],
    calls: Iterable[CallCount],
) -> None:
    """Record the end of a sync, with or without an error, in one transaction. ``error`` includes what its entities say;
    ``own_error`` is what stopped the sync itself, with its ``steps``. ``trace_id`` is of the first error that has one.

    The sync's row gets the sums of its entities and calls, and the app it called with.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into control.sync_entities (sync_id, entity, outcome, fetched, landed, loaded, quarantined_whole,
                quarantined_fields, deleted, files, pages, bytes, seconds, api_total, detail, trace_id, steps)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [(sync_id, *astuple(entity)[:-1], to_json(entity.steps)) for entity in entities],
        )
        cursor.executemany(
            """
            insert into control.api_calls
                (sync_id, tenant, operation, status, calls, retries, bytes, seconds, slowest, buckets)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    sync_id,
                    tenant,
                    c.operation,
                    c.status,
                    c.calls,
                    c.retries,
                    c.bytes,
                    c.seconds,
                    c.slowest,
                    list(c.buckets),
                )
                for c in calls
            ],
        )
        cursor.execute(
            sql.SQL("""
            update control.syncs s set
                finished_at = %s, outcome = %s, error = %s, own_error = %s, steps = %s, trace_id = %s, app = %s,
                (fetched, loaded, quarantined_whole, quarantined_fields, deleted, pages, bytes) = (
                    select coalesce(sum(fetched), 0), coalesce(sum(loaded), 0), coalesce(sum(quarantined_whole), 0),
                        coalesce(sum(quarantined_fields), 0), coalesce(sum(deleted), 0), coalesce(sum(pages), 0),
                        coalesce(sum(bytes), 0)
                    from control.sync_entities e where e.sync_id = s.id
                ),
                (calls, failed_calls, refused_calls, retries, call_seconds, slowest_call, buckets) = (
                    select coalesce(sum(calls), 0), coalesce(sum(failed), 0), coalesce(sum(refused), 0),
                        coalesce(sum(retries), 0), coalesce(sum(seconds), 0), coalesce(max(slowest), 0), {}
                    from control.counted_calls c where c.sync_id = s.id
                )
            where id = %s
            """).format(sum_buckets(sql.Identifier("c", "buckets"))),
            (
                now, "failed" if error else "succeeded", error, own_error, to_json(steps), trace_id,
                _app(connection, tenant), sync_id,
            ),
        )  # fmt: skip


def _app(connection: psycopg.Connection, tenant: str) -> str:
    """What identifies the tenant's app and may be shown; empty without credentials."""
    row = connection.execute(
        "select app_id, client_id from control.credentials where tenant = %s", (tenant,)
    ).fetchone()
    return (row[0] or masked(row[1])) if row else ""
