"""API usage: calls by day, tenant, app and endpoint, like ServiceTitan's own usage report.

Covers syncs in the history and rolled-up ones (retention.py). Omits other calls, such as credential checks, and the
calls of killed syncs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from st_pipeline.history.latency_buckets import sum_buckets
from st_pipeline.servicetitan.calls import latency


class Part(StrEnum):
    """What to group usage by."""

    DAY = "day"
    TENANT = "tenant"
    APP = "app"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls, including retries; parts that usage isn't grouped by are None."""

    day: date | None
    """In UTC, the day the sync started, even if it ran past midnight."""
    tenant: str | None
    app: str | None
    """The app's id, or else the end of the client id."""
    operation: str | None
    """``GET /crm/v2/tenant/{tenant}/export/customers``."""
    calls: int
    failed: int
    """Without a response, or with a 4xx or 5xx status other than 429."""
    refused: int
    """With status 429."""
    retries: int
    bytes: int
    seconds: float
    """Sum of all latencies."""
    slowest: float
    buckets: list[int]

    @property
    def average(self) -> float:
        """Average seconds per call."""
        return self.seconds / self.calls if self.calls else 0.0

    def latency(self, share: float) -> float:
        """Seconds within which this share (0 to 1) of the calls ended; at most 25% too high."""
        return latency(self.buckets, self.slowest, share)


def read_usage(
    connection: psycopg.Connection[Any],
    since: date,
    until: date,
    *,
    tenant: str | None = None,
    by: Collection[Part] = tuple(Part),
) -> list[Usage]:
    """Usage from ``since`` through ``until``, grouped and sorted ``by`` these parts.

    For one tenant, or for every tenant that ever called, including removed ones.
    """
    parts = [part for part in Part if part in by]
    columns = [
        sql.Identifier(part) if part in parts else sql.SQL("null as {}").format(sql.Identifier(part)) for part in Part
    ]
    grouped = sql.SQL(", ").join(map(sql.Identifier, parts))
    query = sql.SQL("""
        with usage as (
            select day, tenant, app, operation, calls, failed, refused, retries, bytes, seconds, slowest, buckets
            from control.api_usage_days
            where day between %(since)s and %(until)s and (%(tenant)s::text is null or tenant = %(tenant)s)
            union all
            select (s.started_at at time zone 'UTC')::date, c.tenant, s.app, c.operation, c.calls, c.failed,
                c.refused, c.retries, c.bytes, c.seconds, c.slowest, c.buckets::bigint[]
            from control.syncs s join control.counted_calls c on c.sync_id = s.id
            where s.started_at >= %(since)s::date::timestamp at time zone 'UTC'
              and s.started_at < (%(until)s::date + 1)::timestamp at time zone 'UTC'
              and (%(tenant)s::text is null or s.tenant = %(tenant)s)
        )
        select {}, sum(calls)::bigint as calls, sum(failed)::bigint as failed, sum(refused)::bigint as refused,
            sum(retries)::bigint as retries, sum(bytes)::bigint as bytes, sum(seconds) as seconds,
            max(slowest) as slowest, {} as buckets
        from usage
    """).format(sql.SQL(", ").join(columns), sum_buckets(sql.Identifier("buckets")))
    # Without grouping there is one row, or none if there were no calls.
    end = sql.SQL("group by {} order by {}").format(grouped, grouped) if parts else sql.SQL("having count(*) > 0")
    with connection.cursor(row_factory=class_row(Usage)) as cursor:
        return cursor.execute(query + end, {"since": since, "until": until, "tenant": tenant}).fetchall()
