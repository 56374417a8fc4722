"""Rules about completeness: whether the counts add up from the API to raw, and how much is in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding, format_count, is_or_are
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.step import Do, Step


@dataclass(frozen=True, slots=True)
class Imbalance:
    """An entity's files that do not add up or were not loaded."""

    tenant: str
    entity: str
    path: str
    """The path of the first file."""
    records: int
    loaded: int
    whole: int
    """Records quarantined whole. All three are sums over the files."""
    landed_at: datetime
    is_loaded: bool


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The last read of an entity, if it counted as complete but fetched fewer records than the API's total."""

    tenant: str
    entity: str
    fetched: int
    api_total: int
    started_at: datetime
    run_id: str | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """How many records of an entity landed recently, and how many of them are in quarantine, in whole or in part."""

    tenant: str
    entity: str
    records: int
    noted: int
    since: datetime
    field: str | None
    """The column that most notes are about; None if they are about whole records."""


def read_imbalances(connection: psycopg.Connection, rules: Rules, now: datetime) -> list[Imbalance]:
    """Files of enabled tenants that do not add up, or have waited too long to be loaded."""
    with connection.cursor(row_factory=class_row(Imbalance)) as cursor:
        return cursor.execute(
            """
            select f.tenant, f.entity, (array_agg(path order by f.id))[1] as path,
                sum(records)::bigint as records, coalesce(sum(loaded_rows), 0)::bigint as loaded,
                sum(quarantined_whole)::bigint as whole, min(landed_at) as landed_at, loaded_at is not null as is_loaded
            from control.landed_files f
            join control.tenants t on t.key = f.tenant and t.enabled
            where (loaded_at is not null and records <> loaded_rows + quarantined_whole)
               or (loaded_at is null and landed_at <= %s)
            group by f.tenant, f.entity, loaded_at is not null
            order by f.tenant, f.entity, is_loaded
            """,
            (now - timedelta(hours=rules.reconciliation.hours),),
        ).fetchall()


def read_shortfalls(connection: psycopg.Connection) -> list[Shortfall]:
    """Entities of enabled tenants whose last read succeeded with fewer records than the API reports."""
    with connection.cursor(row_factory=class_row(Shortfall)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, asked.entity, last.fetched, last.api_total, last.started_at, last.run_id
            from control.tenants t
            cross join unnest(%s::text[]) as asked (entity)
            join lateral (
                select e.*, s.started_at, s.run_id from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and e.pages > 0 order by s.started_at desc, s.id desc limit 1
            ) last on last.outcome = 'succeeded' and last.fetched < last.api_total
            where t.enabled
            order by t.key, asked.entity
            """,
            (list(ASSET_ENTITIES),),
        ).fetchall()


def read_set_aside(connection: psycopg.Connection, rules: Rules, now: datetime) -> list[SetAside]:
    """Entities of enabled tenants with anything in quarantine from recent files."""
    with connection.cursor(row_factory=class_row(SetAside)) as cursor:
        return cursor.execute(
            """
            with files as materialized (
                select f.id, f.tenant, f.entity, f.records
                from control.landed_files f
                join control.tenants t on t.key = f.tenant and t.enabled
                where f.landed_at > %s
            ),
            notes as (
                select f.tenant, f.entity, count(distinct (q.file_id, q.row_number)) as noted,
                    min(q.noted_at) as since, mode() within group (order by q.field) as field
                from files f join control.quarantine q on q.file_id = f.id
                group by f.tenant, f.entity
            ),
            sums as (select tenant, entity, sum(records)::bigint as records from files group by tenant, entity)
            select tenant, entity, records, noted, since, field
            from notes join sums using (tenant, entity) order by tenant, entity
            """,
            (now - timedelta(days=rules.quarantine.days),),
        ).fetchall()


def find_imbalances(
    imbalances: Iterable[Imbalance], shortfalls: Iterable[Shortfall], rules: Rules
) -> Iterator[Finding]:
    """Landed is not loaded + quarantined whole, files are not loaded, or fetched is less than the API's total."""
    severity = rules.reconciliation.severity
    for one in imbalances:
        if one.is_loaded:
            accounted = one.loaded + one.whole
            what = (
                f"{format_count(one.records, 'record')} {'was' if one.records == 1 else 'were'} downloaded, but "
                f"{'only ' if accounted < one.records else ''}{accounted:,} {is_or_are(accounted)} accounted for: "
                f"{one.loaded:,} loaded and {format_count(one.whole, 'problem record')} (first file: {one.path})"
            )
            steps = (Step(Do.RELOAD, one.entity),)
        else:
            what = (
                f"{format_count(one.records, 'downloaded record')} {is_or_are(one.records)} not loaded yet "
                f"(first file: {one.path})"
            )
            steps = (Step(Do.CHECK_LAST_SYNC), Step(Do.SYNC, one.entity))
        subject = f"{one.entity} {'sums' if one.is_loaded else 'waiting'}"
        yield Finding("reconciliation", one.tenant, severity, what, one.landed_at, steps, one.entity, subject=subject)
    for one in shortfalls:
        yield Finding(
            "reconciliation",
            one.tenant,
            severity,
            f"The last sync downloaded {one.fetched:,} of the {one.api_total:,} records in ServiceTitan",
            one.started_at,
            (Step(Do.FULL_REFRESH, one.entity),),
            one.entity,
            subject=f"{one.entity} total",
            run_id=one.run_id,
        )


def find_set_aside(entities: Iterable[SetAside], rules: Rules) -> Iterator[Finding]:
    """One finding for each entity with too large a share of landed records in quarantine."""
    rule = rules.quarantine
    for one in entities:
        if one.records >= rule.least_records and one.noted > rule.over * one.records:
            most = f"have an unreadable value in the field {one.field}" if one.field else "could not be loaded at all"
            yield Finding(
                "quarantine",
                one.tenant,
                rule.severity,
                f"{one.noted:,} of {one.records:,} records from the last {rule.days} days "
                f"({one.noted / one.records:.2%}) are problem records. Most {most}",
                one.since,
                (Step(Do.VIEW_PROBLEM_RECORDS), Step(Do.CORRECT_RECORDS), Step(Do.CORRECT_TYPE, one.entity)),
                one.entity,
            )
