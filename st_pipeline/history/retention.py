"""Retention of the history: old syncs become daily totals, and old incidents are deleted.

removable_syncs.py decides which syncs must stay. Landed files and their quarantine belong to landing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from st_pipeline.history.latency_buckets import add_buckets, sum_buckets
from st_pipeline.history.removable_syncs import find_removable_syncs, find_tenants_with_old_syncs
from st_pipeline.history.syncs import read_running_syncs
from st_pipeline.locks import Lock

BATCH = 500
"""Syncs or incidents per transaction."""


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What moved from the history to the daily totals."""

    syncs: int = 0
    tenants: int = 0


def roll_up(connection: psycopg.Connection[Any], now: datetime, keep_days: int, *, batch: int = BATCH) -> RolledUp:
    """Move syncs that started more than ``keep_days`` before ``now`` into control.sync_days and api_usage_days.

    Moves their entities and calls too. Daily totals don't change, and neither does anything that rules and the schedule
    look up, except that of a longer series of failures only the first and MOST_FAILURES are kept. Each batch of a
    tenant is one transaction, so this can be killed or rerun at any time.

    Raises:
        ValueError: ``keep_days`` is less than 1.
    """
    before = _before(now, keep_days)
    syncs = tenants = 0
    for tenant in find_tenants_with_old_syncs(connection, before):
        moved = _roll_up_tenant(connection, tenant, before, batch)
        syncs, tenants = syncs + moved, tenants + (moved > 0)
    return RolledUp(syncs, tenants)


def forget_incidents(connection: psycopg.Connection[Any], now: datetime, keep_days: int, *, batch: int = BATCH) -> int:
    """Delete incidents closed more than ``keep_days`` before ``now`` whose alerts are settled, and return their number.

    Also deletes their alerts and deliveries, and test alerts of that age.

    Raises:
        ValueError: ``keep_days`` is less than 1.
    """
    before = _before(now, keep_days)
    connection.execute("delete from control.alerts where kind = 'test' and settled_at < %s", (before,))
    forgotten = 0
    while deleted := connection.execute(
        """
        delete from control.incidents where id in (
            select id from control.incidents i
            where closed_at < %s
              and not exists (select from control.alerts a where a.incident_id = i.id and a.settled_at is null)
            order by closed_at, id limit %s
        )
        """,
        (before, batch),
    ).rowcount:
        forgotten += deleted
    return forgotten


def _before(now: datetime, keep_days: int) -> datetime:
    if keep_days < 1:
        raise ValueError(f"the history must be kept for at least 1 day, not {keep_days}")
    return now - timedelta(days=keep_days)


def _roll_up_tenant(connection: psycopg.Connection[Any], tenant: str, before: datetime, batch: int) -> int:
    moved = 0
    while True:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (Lock.ROLL_UP,))
            running = read_running_syncs(connection).get(tenant)
            syncs = find_removable_syncs(connection, tenant, before, batch, running)
            if syncs:
                _move(connection, syncs)
        moved += len(syncs)
        if len(syncs) < batch:
            return moved


def _move(connection: psycopg.Connection[Any], syncs: list[int]) -> None:
    """Add syncs to the daily totals, then delete them and the requests they served."""
    connection.execute(
        sql.SQL("""
        insert into control.api_usage_days as days
            (day, tenant, app, operation, calls, failed, refused, retries, bytes, seconds, slowest, buckets)
        select (s.started_at at time zone 'UTC')::date, c.tenant, s.app, c.operation, sum(c.calls),
            sum(c.failed), sum(c.refused), sum(c.retries), sum(c.bytes), sum(c.seconds), max(c.slowest), {summed}
        from control.syncs s join control.counted_calls c on c.sync_id = s.id
        where s.id = any(%s)
        group by 1, 2, 3, 4
        on conflict (day, tenant, app, operation) do update set
            calls = days.calls + excluded.calls, failed = days.failed + excluded.failed,
            refused = days.refused + excluded.refused, retries = days.retries + excluded.retries,
            bytes = days.bytes + excluded.bytes, seconds = days.seconds + excluded.seconds,
            slowest = greatest(days.slowest, excluded.slowest),
            buckets = {added}
        """).format(
            summed=sum_buckets(sql.Identifier("c", "buckets")),
            added=add_buckets(sql.Identifier("days", "buckets"), sql.Identifier("excluded", "buckets")),
        ),
        (syncs,),
    )
    connection.execute(
        """
        insert into control.sync_days as days
            (day, tenant, is_partial, syncs, succeeded, failed, interrupted, seconds, fetched, loaded,
            quarantined_whole, quarantined_fields, deleted, pages, bytes)
        select (started_at at time zone 'UTC')::date, tenant, is_partial, count(*),
            count(*) filter (where outcome = 'succeeded'), count(*) filter (where outcome = 'failed'),
            count(*) filter (where outcome is null), coalesce(sum(extract(epoch from finished_at - started_at)), 0),
            sum(fetched), sum(loaded), sum(quarantined_whole), sum(quarantined_fields), sum(deleted), sum(pages),
            sum(bytes)
        from control.syncs where id = any(%s)
        group by 1, 2, 3
        on conflict (day, tenant, is_partial) do update set
            syncs = days.syncs + excluded.syncs, succeeded = days.succeeded + excluded.succeeded,
            failed = days.failed + excluded.failed, interrupted = days.interrupted + excluded.interrupted,
            seconds = days.seconds + excluded.seconds, fetched = days.fetched + excluded.fetched,
            loaded = days.loaded + excluded.loaded,
            quarantined_whole = days.quarantined_whole + excluded.quarantined_whole,
            quarantined_fields = days.quarantined_fields + excluded.quarantined_fields,
            deleted = days.deleted + excluded.deleted, pages = days.pages + excluded.pages,
            bytes = days.bytes + excluded.bytes
        """,
        (syncs,),
    )
    connection.execute("delete from control.sync_requests where sync_id = any(%s)", (syncs,))
    connection.execute("delete from control.syncs where id = any(%s)", (syncs,))
