"""The rule about fields that appear or disappear after the first sync. The landing code detects them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding, shorten
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.step import Do, Step


@dataclass(frozen=True, slots=True)
class DriftedFields:
    """Fields of an entity that appeared, or disappeared, at the same time."""

    tenant: str
    entity: str
    kind: str
    """``new`` or ``missing``."""
    fields: list[str]
    first_seen_at: datetime
    last_seen_at: datetime


def read_drifted_fields(connection: psycopg.Connection) -> list[DriftedFields]:
    """What changed after the sync that first read an entity of an enabled tenant.

    The first sync shows what the tenant's data normally looks like, so nothing in it is a change.
    """
    with connection.cursor(row_factory=class_row(DriftedFields)) as cursor:
        return cursor.execute(
            """
            select d.tenant, d.entity, d.kind, array_agg(d.field order by d.field) as fields, d.first_seen_at,
                max(d.last_seen_at) as last_seen_at
            from control.drift d
            join control.tenants t on t.key = d.tenant and t.enabled
            join lateral (
                select s.finished_at from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = d.entity
                where s.tenant = d.tenant and e.outcome = 'succeeded' and e.pages > 0
                order by s.started_at, s.id limit 1
            ) first on d.first_seen_at > first.finished_at
            group by d.tenant, d.entity, d.kind, d.first_seen_at
            order by d.tenant, d.entity, d.kind, d.first_seen_at
            """
        ).fetchall()


def find_drift(changes: Iterable[DriftedFields], rules: Rules) -> Iterator[Finding]:
    """One finding for fields that changed together. A small batch may lack a field, so it must be gone for days."""
    rule = rules.drift
    for one in changes:
        if one.kind == "missing" and one.last_seen_at - one.first_seen_at < timedelta(days=rule.missing_days):
            continue
        names = ", ".join(one.fields)
        if one.kind == "new":
            what = f"ServiceTitan sends new fields that the reports do not use yet: {names}"
            step = Step(Do.ADD_FIELDS, one.entity)
        else:
            what = f"Records no longer have these fields: {names}"
            step = Step(Do.CHECK_FIELDS)
        yield Finding(
            "drift",
            one.tenant,
            rule.severity,
            shorten(what),
            one.first_seen_at,
            (step,),
            one.entity,
            subject=f"{one.entity} {one.kind} {one.first_seen_at.isoformat()}",
        )
