"""Compares the API's counts with ours: the rows of ``control.api_counts``, when a count is due, and the rule.

The sync requests the counts (sync/counting.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding, Severity, format_count, is_or_are
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.step import Do, Step

AT_MOST_EVERY = timedelta(days=7)
WHILE_OFF = timedelta(hours=1)
"""Short, to notice when the counts match again, but not every minute for tenants synced that often."""


@dataclass(frozen=True, slots=True)
class ApiCount:
    """How many records of an entity the API counted, and how many raw had at the same moment.

    Both count records created before ``bound``. If raw's count is uncertain, it is between ``raw_rows`` and
    ``raw_rows + unsure``.
    """

    tenant: str
    entity: str
    counted_at: datetime
    bound: datetime
    api_total: int
    raw_rows: int
    unsure: int = 0

    @property
    def missing(self) -> int:
        """At least how many records the API has and raw does not."""
        return max(0, self.api_total - self.raw_rows - self.unsure)

    @property
    def surplus(self) -> int:
        """At least how many rows raw has and the API no longer does."""
        return max(0, self.raw_rows - self.api_total)

    @property
    def is_off(self) -> bool:
        """Whether the counts certainly differ."""
        return bool(self.missing or self.surplus)


def is_count_due(last: ApiCount | None, *, was_read_whole: bool, now: datetime) -> bool:
    """True after a full read, without a count, a week after the last one, or an hour after one that was off."""
    if was_read_whole or last is None:
        return True
    return now - last.counted_at >= (WHILE_OFF if last.is_off else AT_MOST_EVERY)


def store_count(connection: psycopg.Connection, count: ApiCount) -> None:
    """Store a count, replacing one at the same instant."""
    connection.execute(
        """
        insert into control.api_counts (tenant, entity, counted_at, bound, api_total, raw_rows, unsure)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (tenant, entity, counted_at) do update set
            bound = excluded.bound, api_total = excluded.api_total, raw_rows = excluded.raw_rows,
            unsure = excluded.unsure
        """,
        (
            count.tenant, count.entity, count.counted_at, count.bound, count.api_total, count.raw_rows, count.unsure,
        ),
    )  # fmt: skip


def read_last_counts(connection: psycopg.Connection, tenant: str | None = None) -> list[ApiCount]:
    """The latest count of each entity of enabled tenants, or only of ``tenant``; by tenant and entity."""
    with connection.cursor(row_factory=class_row(ApiCount)) as cursor:
        return cursor.execute(
            """
            select last.*
            from control.tenants t
            cross join unnest(%s::text[]) as asked (entity)
            cross join lateral (
                select c.tenant, c.entity, c.counted_at, c.bound, c.api_total, c.raw_rows, c.unsure
                from control.api_counts c
                where c.tenant = t.key and c.entity = asked.entity
                order by c.counted_at desc limit 1
            ) last
            where t.enabled and t.key = coalesce(%s, t.key)
            order by t.key, asked.entity
            """,
            (list(ASSET_ENTITIES), tenant),
        ).fetchall()


def find_miscounts(counts: Iterable[ApiCount], rules: Rules, unwell: Iterable[Finding]) -> Iterator[Finding]:
    """One finding for each entity whose counts differ.

    Surplus rows can wait: their records were deleted in a way that the feed does not report. If one of ``unwell`` says
    that no more records arrive for the tenant, the difference is a consequence of that.
    """
    silent = {finding.tenant for finding in unwell}
    for one in counts:
        if not one.is_off:
            continue
        if one.missing:
            severity = rules.reconciliation.severity
            what = (
                f"ServiceTitan has {format_count(one.api_total, 'record')}, but only {one.raw_rows:,} "
                f"{is_or_are(one.raw_rows)} loaded"
            )
            last = Do.REPORT_COUNTS
        else:
            severity = Severity.CAN_WAIT
            what = (
                f"{format_count(one.raw_rows, 'record')} {is_or_are(one.raw_rows)} loaded, but ServiceTitan "
                f"has only {one.api_total:,}; it did not report which ones were deleted"
            )
            last = Do.REPORT_LOST_ACCESS
        yield Finding(
            "reconciliation",
            one.tenant,
            severity,
            f"{what} (counting records created before {one.bound:%Y-%m-%d %H:%M} UTC)",
            one.counted_at,
            (Step(Do.FULL_REFRESH, one.entity), Step(last)),
            one.entity,
            subject=f"{one.entity} count",
            check="counts_agree",
            is_consequence=one.tenant in silent,
        )
