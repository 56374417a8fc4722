"""The rule about far fewer records than before, in a full read or in a week of changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.step import Do, Step

WEEKS = 5  # the last one, and four to compare it with

_STEPS = (Step(Do.COMPARE_COUNTS),)


@dataclass(frozen=True, slots=True)
class WholeReads:
    """The record counts of an entity's latest full reads."""

    tenant: str
    entity: str
    landed_at: datetime
    """When the latest one landed."""
    records: list[int]
    """Latest first."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """How many changed records arrived in each of the last five weeks, latest first; full reads do not count."""

    tenant: str
    entity: str
    records: list[int]


def read_whole_reads(connection: psycopg.Connection, rules: Rules) -> list[WholeReads]:
    """Entities of enabled tenants with at least two full reads.

    A full read that is still running doesn't count. Any other one has finished: otherwise it would be continued.
    """
    with connection.cursor(row_factory=class_row(WholeReads)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, asked.entity, reads.landed_at, reads.records
            from control.tenants t
            cross join unnest(%s::text[]) as asked (entity)
            cross join lateral (
                select max(landed_at) as landed_at, array_agg(records order by id desc) as records
                from (
                    select f.id, f.landed_at, (
                        select sum(records)::bigint from control.landed_files all_
                        where all_.tenant = f.tenant and all_.entity = f.entity and all_.batch = f.batch
                    ) as records
                    from control.landed_files f
                    where f.tenant = t.key and f.entity = asked.entity and f.n = 0 and f.cursor_from is null
                      and not exists (
                        select from control.cursors c
                        where c.tenant = f.tenant and c.entity = f.entity and c.batch = f.batch and not c.is_complete
                      )
                    order by f.id desc limit %s
                ) latest
            ) reads
            where t.enabled and cardinality(reads.records) > 1
            order by t.key, asked.entity
            """,
            (list(ASSET_ENTITIES), rules.drop.reads + 1),
        ).fetchall()


def read_weeks(connection: psycopg.Connection, now: datetime) -> list[Weeks]:
    """Entities of enabled tenants with changes in the weeks before ``now``."""
    with connection.cursor(row_factory=class_row(Weeks)) as cursor:
        return cursor.execute(
            """
            with landed as (
                select f.tenant, f.entity, f.records,
                    -- half a microsecond short of a week still counts as that week
                    floor(extract(epoch from %(now)s - f.landed_at) / 604800)::integer as week
                from control.landed_files f
                join control.tenants t on t.key = f.tenant and t.enabled
                where f.landed_at > %(since)s and f.landed_at <= %(now)s
                  and not exists (
                    select from control.landed_files first
                    where first.tenant = f.tenant and first.entity = f.entity and first.batch = f.batch
                      and first.n = 0 and first.cursor_from is null
                  )
            )
            select tenant, entity, array[
                coalesce(sum(records) filter (where week = 0), 0), coalesce(sum(records) filter (where week = 1), 0),
                coalesce(sum(records) filter (where week = 2), 0), coalesce(sum(records) filter (where week = 3), 0),
                coalesce(sum(records) filter (where week = 4), 0)
            ]::bigint[] as records
            from landed group by tenant, entity order by tenant, entity
            """,
            {"now": now, "since": now - timedelta(weeks=WEEKS)},
        ).fetchall()


def find_drops(reads: Iterable[WholeReads], weeks: Iterable[Weeks], rules: Rules, now: datetime) -> Iterator[Finding]:
    """One finding for each entity with far too few records in its latest full read or week.

    A week without any records has its own rule (empty_reads.py).
    """
    rule = rules.drop
    for one in reads:
        latest, before = one.records[0], max(one.records[1:])
        if before >= rule.least_records and latest < (1 - rule.by) * before:
            what = f"The last full refresh downloaded only {latest:,} records; an earlier one downloaded {before:,}"
            yield Finding(
                "drop", one.tenant, rule.severity, what, one.landed_at, _STEPS, one.entity, f"{one.entity} whole"
            )
    for one in weeks:
        latest, least = one.records[0], min(one.records[1:WEEKS])
        if least >= rule.least_records and 0 < latest < (1 - rule.week_by) * least:
            what = (
                f"Only {latest:,} records changed in the last seven days; in each of the four weeks before, at least "
                f"{least:,} did"
            )
            since = now - timedelta(weeks=1)
            yield Finding("drop", one.tenant, rule.severity, what, since, _STEPS, one.entity, f"{one.entity} week")
