"""The totals above all tenants: success, speed, and use of the rate limit. Queries of schema control.

overview.py has each tenant, counts what is running and waiting, and combines everything.
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
    """Totals over all tenants. Shares are from 0 to 1; None if unknown."""

    tenants: int
    connected: int
    running: int
    """Syncs, including partial ones."""
    queued: int
    """Enabled tenants with a sync that is due or requested but not running."""
    succeeded: int
    """Successful syncs of whole tenants in the last 24 hours."""
    success_rate: float | None
    """Share of all that ended in the last 24 hours; killed syncs count as failed."""
    failed_today: int
    """Since midnight."""
    average_sync_seconds: float | None
    """Of syncs of whole tenants that ended in the last 24 hours."""
    calls: int
    """Of all syncs that ended in the last 24 hours, like both latencies."""
    average_latency: float | None
    """Seconds."""
    p95_latency: float | None
    """Seconds; at most 25% too high."""
    rate_limit_share: float | None
    """The share of ServiceTitan's rate limit used by the busiest tenant in its last sync of the past hour."""
    busiest_tenant: str | None
    open_incidents: int


@dataclass(frozen=True, slots=True)
class DaySums:
    """Syncs that ended in the 24 hours before an instant, and their calls.

    Partial syncs count only for calls. A killed sync counts as failed when it started, because its end is unknown.
    """

    succeeded: int
    failed: int
    average_seconds: float | None
    """Of those with a recorded outcome; None: there were none."""
    calls: int
    average_latency: float | None
    """Seconds per call, including retries and failures; None: there were none."""
    p95_latency: float | None
    """Seconds within which 95% of the calls ended; at most 25% too high."""

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None: none ended."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


@dataclass(frozen=True, slots=True)
class Busiest:
    """The tenant whose last sync in the past hour made the most calls per second."""

    tenant: str
    calls_per_second: float


def read_day(connection: psycopg.Connection[Any], running: Collection[int], now: datetime) -> DaySums:
    """The sums of the last 24 hours; ``running`` are the syncs running now."""
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
    """Syncs of whole tenants that failed since midnight in ``zone``, including killed ones."""
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
    """The tenant with the most calls per second in its last sync that ended in the hour before ``now``; None: no calls.

    A sync shorter than a second counts as one second, because an initial burst of calls is allowed.
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
    """When the day of ``now`` started in a zone, in UTC."""
    local = ZoneInfo(zone)
    return datetime.combine(now.astimezone(local).date(), time.min, local).astimezone(UTC)
