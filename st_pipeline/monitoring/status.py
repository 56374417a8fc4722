"""The state of every tenant on one screen: connection, last sync, rows. Questions to schema control, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """One tenant; the last sync is the one that started last, whether it has ended or not."""

    tenant: str
    name: str
    environment: str
    enabled: bool
    status: str
    status_detail: str
    last_started_at: datetime | None
    last_finished_at: datetime | None
    last_outcome: str | None
    last_error: str | None
    last_success_at: datetime | None
    fetched: int
    loaded: int
    quarantined_whole: int
    quarantined_fields: int
    drift: int


@dataclass(frozen=True, slots=True)
class EntityStatus:
    """One entity of one tenant, as its last sync left it. Counts are of records of that sync."""

    tenant: str
    entity: str
    outcome: str
    fetched: int
    landed: int
    loaded: int
    quarantined_whole: int
    quarantined_fields: int
    deleted: int
    seconds: float
    api_total: int | None
    detail: str | None


def tenants(connection: psycopg.Connection) -> list[TenantStatus]:
    """Every registered tenant, by key."""
    with connection.cursor(row_factory=class_row(TenantStatus)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, t.name, t.environment, t.enabled, t.status, t.status_detail,
                last.started_at as last_started_at, last.finished_at as last_finished_at,
                last.outcome as last_outcome, last.error as last_error,
                (select max(finished_at) from control.syncs s where s.tenant = t.key and outcome = 'succeeded')
                    as last_success_at,
                coalesce(sums.fetched, 0)::bigint as fetched, coalesce(sums.loaded, 0)::bigint as loaded,
                (select count(*) from control.quarantine q where q.tenant = t.key and q.field is null)
                    as quarantined_whole,
                (select count(*) from control.quarantine q where q.tenant = t.key and q.field is not null)
                    as quarantined_fields,
                (select count(*) from control.drift d where d.tenant = t.key) as drift
            from control.tenants t
            left join lateral (
                select * from control.syncs s where s.tenant = t.key order by s.started_at desc, s.id desc limit 1
            ) last on true
            left join lateral (
                select sum(fetched) as fetched, sum(loaded) as loaded
                from control.sync_entities e where e.sync_id = last.id
            ) sums on true
            order by t.key
            """
        ).fetchall()


def entities(connection: psycopg.Connection, sync_ids: list[int]) -> list[EntityStatus]:
    """What these syncs did, entity by entity."""
    with connection.cursor(row_factory=class_row(EntityStatus)) as cursor:
        return cursor.execute(
            """
            select s.tenant, e.entity, e.outcome, e.fetched, e.landed, e.loaded, e.quarantined_whole,
                e.quarantined_fields, e.deleted, e.seconds, e.api_total, e.detail
            from control.sync_entities e join control.syncs s on s.id = e.sync_id
            where s.id = any(%s)
            order by s.tenant, e.entity
            """,
            (sync_ids,),
        ).fetchall()


def syncs_of_runs(connection: psycopg.Connection, run_ids: list[str]) -> list[tuple[int, str, str | None, str | None]]:
    """(sync id, tenant, outcome, error) of the last sync of each tenant in these runs, by tenant."""
    return connection.execute(
        """
        select distinct on (tenant) id, tenant, outcome, error
        from control.syncs where run_id = any(%s) order by tenant, id desc
        """,
        (run_ids,),
    ).fetchall()
