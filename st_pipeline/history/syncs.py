"""Read the history of syncs: one sync in full, a tenant's last syncs, or pages across all tenants.

recorder.py writes it, overview.py has the state of every tenant, retention.py removes old syncs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import kwargs_row

from st_pipeline.servicetitan.calls import CallCount, latency
from st_pipeline.steps.step import Steps, from_plain

LONGEST_PAGE = 500


class SyncState(StrEnum):
    """A sync's state or outcome."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """No outcome: its process is gone without recording one."""


@dataclass(frozen=True, slots=True)
class Sync:
    """One sync, with the sums of its entities and calls, its reason and its requester. Instants are timezone-aware.

    Counts are of records; ``bytes`` is what it landed. All are 0 while it runs.
    """

    id: int
    tenant: str
    state: SyncState
    reason: str
    due_for: datetime | None
    """The scheduled time it was for; None if it was not scheduled."""
    requested_by: str
    """Empty for a scheduled sync."""
    is_full: bool
    is_partial: bool
    """Only some entities, or only a load."""
    run_id: str | None
    """Dagster's run id."""
    app: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    """What failed, its entities too."""
    own_error: str | None
    """Why the sync itself stopped; None where only entities failed."""
    steps: Steps
    """What to do about ``own_error``."""
    trace_id: str | None
    """The API's trace id in the first error that has one."""
    fetched: int
    loaded: int
    quarantined_whole: int
    quarantined_fields: int
    deleted: int
    pages: int
    bytes: int
    calls: int
    failed_calls: int
    """Without a response, or with a 4xx or 5xx status other than 429."""
    refused_calls: int
    """With status 429."""
    retries: int
    """Calls that were retries."""
    call_seconds: float
    slowest_call: float
    buckets: list[int]

    @property
    def seconds(self) -> float | None:
        """From start to end; None while it runs, or if the end is unknown."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None

    def latency(self, share: float) -> float | None:
        """Seconds within which this share (0 to 1) of its calls ended; at most 25% too high. None: no calls."""
        return latency(self.buckets, self.slowest_call, share) if self.calls else None


@dataclass(frozen=True, slots=True)
class SyncEntity:
    """What a sync did for one entity; ``detail`` is why it failed or what it could not judge."""

    entity: str
    outcome: str
    fetched: int
    landed: int
    loaded: int
    quarantined_whole: int
    quarantined_fields: int
    deleted: int
    files: int
    pages: int
    bytes: int
    seconds: float
    api_total: int | None
    detail: str | None
    steps: Steps
    """What to do about ``detail``."""
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class SyncDetail:
    """One sync, by entity, and its calls by endpoint and status."""

    sync: Sync
    entities: list[SyncEntity]
    calls: list[CallCount]


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a page: its last sync."""

    started_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Syncs, the newest first; ``next`` continues after the last one, None: no more."""

    syncs: list[Sync]
    next: Position | None


def read_running_syncs(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Each tenant's running sync, by key; tenants without one are left out.

    It is the tenant's newest sync, has not ended, and a process holds the tenant's lock (landing/tenant_lock.py).
    """
    return dict(connection.execute("select tenant, sync_id from control.running_syncs").fetchall())


def read_sync(connection: psycopg.Connection[Any], sync_id: int) -> SyncDetail | None:
    """One sync in full; None if it does not exist or was rolled up."""
    found = _read(connection, sql.SQL("where s.id = %(id)s"), {"id": sync_id})
    if not found:
        return None
    with connection.cursor(row_factory=kwargs_row(_entity)) as cursor:
        entities = cursor.execute(
            """
            select entity, outcome, fetched, landed, loaded, quarantined_whole, quarantined_fields, deleted, files,
                pages, bytes, seconds, api_total, detail, steps, trace_id
            from control.sync_entities where sync_id = %s order by entity
            """,
            (sync_id,),
        ).fetchall()
    with connection.cursor(row_factory=kwargs_row(_calls)) as cursor:
        calls = cursor.execute(
            """
            select operation, status, calls, retries, bytes, seconds, slowest, buckets
            from control.api_calls where sync_id = %s order by operation, status
            """,
            (sync_id,),
        ).fetchall()
    return SyncDetail(found[0], entities, calls)


def read_last_syncs(connection: psycopg.Connection[Any], tenant: str, number: int) -> list[Sync]:
    """A tenant's last ``number`` syncs still in the history, the newest first."""
    where = sql.SQL("where s.tenant = %(tenant)s order by s.started_at desc, s.id desc limit %(number)s")
    return _read(connection, where, {"tenant": tenant, "number": number})


def read_syncs(
    connection: psycopg.Connection[Any],
    tenant: str,
    *,
    state: SyncState | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> Page:
    """At most ``limit`` syncs of a tenant, the newest first, starting ``after`` the previous page.

    Syncs that start between two pages neither repeat nor hide any.
    """
    limit = max(1, min(limit, LONGEST_PAGE))
    parts: Sequence[sql.SQL] = [
        sql.SQL("s.tenant = %(tenant)s"),
        sql.SQL("(s.started_at, s.id) < (%(at)s, %(id)s)") if after else sql.SQL("true"),
        _HAS[state] if state else sql.SQL("true"),
    ]
    where = sql.SQL("where {} order by s.started_at desc, s.id desc limit %(limit)s").format(
        sql.SQL(" and ").join(parts)
    )
    values = {"tenant": tenant, "limit": limit + 1}
    if after:
        values |= {"at": after.started_at, "id": after.id}
    syncs = _read(connection, where, values)
    last = syncs[limit - 1] if len(syncs) > limit else None
    return Page(syncs[:limit], Position(last.started_at, last.id) if last else None)


_HAS = {
    SyncState.RUNNING: sql.SQL("s.outcome is null and s.id = any(%(running)s)"),
    SyncState.INTERRUPTED: sql.SQL("s.outcome is null and s.id <> all(%(running)s)"),
    SyncState.SUCCEEDED: sql.SQL("s.outcome = 'succeeded'"),
    SyncState.FAILED: sql.SQL("s.outcome = 'failed'"),
}


def _read(connection: psycopg.Connection[Any], which: sql.Composable, values: dict[str, Any]) -> list[Sync]:
    query = sql.SQL("""
        select s.id, s.tenant,
            coalesce(s.outcome, case when s.id = any(%(running)s) then 'running' else 'interrupted' end) as state,
            s.reason, s.due_for, s.requested_by, s.is_full, s.is_partial, s.run_id, s.app, s.started_at, s.finished_at,
            s.error, s.own_error, s.steps, s.trace_id, s.fetched, s.loaded, s.quarantined_whole, s.quarantined_fields,
            s.deleted, s.pages, s.bytes, s.calls, s.failed_calls, s.refused_calls, s.retries, s.call_seconds,
            s.slowest_call, s.buckets
        from control.syncs s
    """)
    running = list(read_running_syncs(connection).values())
    with connection.cursor(row_factory=kwargs_row(_sync)) as cursor:
        return cursor.execute(query + which, {**values, "running": running}).fetchall()


def _sync(*, state: str, steps: Any, **columns: Any) -> Sync:
    return Sync(state=SyncState(state), steps=from_plain(steps), **columns)


def _entity(*, steps: Any, **columns: Any) -> SyncEntity:
    return SyncEntity(steps=from_plain(steps), **columns)


def _calls(*, buckets: list[int], **columns: Any) -> CallCount:
    return CallCount(buckets=tuple(buckets), **columns)
