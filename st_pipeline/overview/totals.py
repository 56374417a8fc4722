"""The figures above all tenants: how well it goes, how fast, and how near to the limit. Questions to schema control.

Each tenant by itself is overview.py, which also counts who runs and who waits, and puts all of it together.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from st_pipeline.history.latency_buckets import sum_buckets
from st_pipeline.servicetitan.calls import latency

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Totals:
    """Over all tenants. Shares are from 0 to 1; what nothing can be said of is None."""

    tenants: int
    connected: int
    running: int
    """Syncs, those of only a part too."""
    queued: int
    """Enabled tenants that are due or asked for, and not running."""
    succeeded: int
    """Syncs of whole tenants that ended in the last 24 hours, and did well."""
    success_rate: float | None
    """Of all that ended in the last 24 hours; one that was killed has failed."""
    failed_today: int
    """Since midnight."""
    average_sync_seconds: float | None
    """Of syncs of whole tenants that ended in the last 24 hours."""
    calls: int
    """Of all syncs that ended in the last 24 hours, like both latencies."""
    average_latency: float | None
    """Seconds."""
    p95_latency: float | None
    """Seconds; at most a quarter too high."""
    rate_limit_share: float | None
    """How much of what ServiceTitan allows the busiest tenant used in its last sync of the last hour."""
    busiest_tenant: str | None
    open_incidents: int


@dataclass(frozen=True, slots=True)
class DaySums:
    """Syncs that ended in the 24 hours before an instant, and their calls.

    Syncs of only a part count for calls alone. One that was killed has failed, at the instant it started: nobody knows
    another.
    """

    succeeded: int
    failed: int
    average_seconds: float | None
    """Of those that said how they ended; None: none did."""
    calls: int
    average_latency: float | None
    """Seconds of a call, tries and failures included; None: there were none."""
    p95_latency: float | None
    """Seconds within which 95 % of the calls ended; at most a quarter too high."""

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None: none ended."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


@dataclass(frozen=True, slots=True)
class Busiest:
    """The tenant whose last sync of the last hour made the most calls a second."""

    tenant: str
    calls_per_second: float


def read_day(connection: psycopg.Connection[Any], running: Collection[int], now: datetime) -> DaySums:
    """The sums of the last 24 hours; ``running`` are the syncs that run now."""
    row = connection.execute(
        sql.SQL("""
        with ended as (
            select * from control.syncs where finished_at > %(since)s and finished_at <= %(now)s
        ),
        killed as (
            select from control.syncs
            where outcome is null and not is_partial and id <> all(%(running)s)
              and started_at > %(since)s and started_at <= %(now)s
        )
        select count(*) filter (where outcome = 'succeeded' and not is_partial),
            count(*) filter (where outcome = 'failed' and not is_partial) + (select count(*) from killed),
            (avg(extract(epoch from finished_at - started_at)) filter (where not is_partial))::double precision,
            coalesce(sum(calls), 0)::bigint, sum(call_seconds), max(slowest_call), {}
        from ended
        """).format(sum_buckets(sql.Identifier("buckets"))),
        {"since": now - DAY, "now": now, "running": list(running)},
    ).fetchone()
    assert row
    succeeded, failed, seconds, calls, call_seconds, slowest, buckets = row
    return DaySums(
        succeeded,
        failed,
        seconds,
        calls,
        average_latency=call_seconds / calls if calls else None,
        p95_latency=latency(buckets, slowest, 0.95) if calls else None,
    )


def read_failed_today(connection: psycopg.Connection[Any], running: Collection[int], now: datetime, zone: str) -> int:
    """Syncs of whole tenants that failed since midnight in ``zone``, killed ones among them."""
    row = connection.execute(
        """
        select
            (
                select count(*) from control.syncs
                where outcome = 'failed' and not is_partial and finished_at >= %(since)s and finished_at <= %(now)s
            ) + (
                select count(*) from control.syncs
                where outcome is null and not is_partial and id <> all(%(running)s)
                  and started_at >= %(since)s and started_at <= %(now)s
            )
        """,
        {"since": midnight(now, zone), "now": now, "running": list(running)},
    ).fetchone()
    assert row
    return row[0]


def read_busiest(connection: psycopg.Connection[Any], now: datetime) -> Busiest | None:
    """Who called the most a second in its last sync that ended in the hour before ``now``; None: no sync that called.

    A sync shorter than a second counts as one of a second: what it may call at once is allowed.
    """
    row = connection.execute(
        """
        with last as (
            select distinct on (tenant) tenant, calls, extract(epoch from finished_at - started_at) as seconds
            from control.syncs
            where finished_at > %(since)s and finished_at <= %(now)s and calls > 0
            order by tenant, started_at desc, id desc
        )
        select tenant, (calls / greatest(seconds, 1))::double precision as rate
        from last order by rate desc, tenant limit 1
        """,
        {"since": now - HOUR, "now": now},
    ).fetchone()
    return Busiest(*row) if row else None


def midnight(now: datetime, zone: str) -> datetime:
    """When the day of ``now`` began in a zone; in UTC."""
    local = ZoneInfo(zone)
    return datetime.combine(now.astimezone(local).date(), time.min, local).astimezone(UTC)
