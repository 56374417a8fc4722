"""How fresh each entity of each tenant is: the last sync that read it to its end, compared with the tenant's cadence.

The alert is about the tenant as a whole (tenant_health.py). This module names the entities, for the checks of their
tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding
from st_pipeline.rules.tenant_health import StaleAt, TenantFacts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants.model import Status


@dataclass(frozen=True, slots=True)
class LastRead:
    """An entity of an enabled tenant."""

    tenant: str
    entity: str
    read_at: datetime | None
    """When the last sync that read it to its end finished; None if none ever did."""
    is_granted: bool
    """What the last sync that requested it found; true if none did."""
    run_id: str | None
    """The run of the last sync that requested it."""


def read_last_reads(connection: psycopg.Connection) -> list[LastRead]:
    """Every entity of every enabled tenant, by tenant and entity. A sync that only loads is not a read."""
    with connection.cursor(row_factory=class_row(LastRead)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, asked.entity, well.finished_at as read_at,
                coalesce(last.outcome <> 'not_granted', true) as is_granted, last.run_id
            from control.tenants t
            cross join unnest(%s::text[]) as asked (entity)
            left join lateral (
                select s.finished_at from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and e.outcome = 'succeeded' and e.pages > 0
                order by s.started_at desc, s.id desc limit 1
            ) well on true
            left join lateral (
                select e.outcome, s.run_id from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and (e.pages > 0 or e.outcome <> 'succeeded')
                order by s.started_at desc, s.id desc limit 1
            ) last on true
            where t.enabled
            order by t.key, asked.entity
            """,
            (list(ASSET_ENTITIES),),
        ).fetchall()


def find_stale_entities(
    readings: Iterable[LastRead], tenants: Iterable[TenantFacts], rules: Rules, now: datetime, stale_at: StaleAt
) -> Iterator[Finding]:
    """Entities that were not read within their tenant's cadence.

    Paused tenants and tenants that never connected are never due. An entity without its scope is not requested: that is
    a different problem or, if the scope was never granted, none.
    """
    watched = {tenant.key: tenant for tenant in tenants if tenant.status != Status.NOT_CONNECTED}
    for one in readings:
        tenant = watched.get(one.tenant)
        if tenant is None or not one.is_granted or not rules.stale.enabled:
            continue
        at = stale_at(replace(tenant, last_success_at=one.read_at))
        if at is None or now < at:
            continue
        yield Finding(
            "stale",
            one.tenant,
            rules.stale.severity,
            f"Last downloaded completely {one.read_at:%Y-%m-%d %H:%M} UTC, but the schedule is {tenant.cadence}"
            if one.read_at
            else f"Never downloaded completely (schedule: {tenant.cadence})",
            one.read_at or tenant.created_at,
            (Step(Do.VIEW_SYNCS), Step(Do.CHECK_DAEMON), Step(Do.SYNC, one.entity)),
            one.entity,
            run_id=one.run_id,
        )
