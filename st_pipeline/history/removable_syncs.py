"""Which old syncs must stay in the history because rules, the schedule or the overview still need them. Queries only.

A comment next to each kept group names the queries of control.syncs or control.sync_entities that need it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from st_pipeline.schedule.tenant_states import MOST_FAILURES


def find_tenants_with_old_syncs(connection: psycopg.Connection[Any], before: datetime) -> list[str]:
    """Tenants with syncs that started before an instant, including removed tenants."""
    rows = connection.execute(
        "select distinct tenant from control.syncs where started_at < %s order by tenant", (before,)
    ).fetchall()
    return [tenant for (tenant,) in rows]


def find_removable_syncs(
    connection: psycopg.Connection[Any], tenant: str, before: datetime, most: int, running: int | None
) -> list[int]:
    """At most ``most`` syncs of a tenant that started before an instant and that nothing needs; the oldest first.

    ``running`` is the current sync. Only newer syncs and landed files determine what is needed, so a sync that is
    removable today stays removable.
    """
    rows = connection.execute(
        """
        with s as materialized (
            select id, started_at, finished_at, outcome, is_full, is_partial from control.syncs
            where tenant = %(tenant)s
        ),
        e as materialized (
            select e.entity, e.outcome, e.pages, e.fetched, s.id, s.started_at, s.finished_at, s.is_full
            from s join control.sync_entities e on e.sync_id = s.id
        ),
        succeeded as (select * from s where outcome = 'succeeded'),
        landed as (
            select entity, landed_at
            from (select distinct entity from e) known
            cross join lateral (
                select landed_at from control.landed_files f
                where f.tenant = %(tenant)s and f.entity = known.entity order by f.id desc limit 1
            ) last
        ),
        after_landing as (
            select e.*, landed_at from e join landed using (entity)
            where e.outcome = 'succeeded' and e.pages > 0 and e.started_at > landed_at
        ),
        kept as (
            -- tenant_states: the failures since the last success; overview, syncs: the last syncs
            (select id from s where not is_partial order by started_at desc, id desc limit %(newest)s)
            union (select id from s where is_partial order by started_at desc, id desc limit %(newest)s)
            -- tenant_states, connections, overview: the last success
            union (select id from succeeded where not is_partial order by started_at desc, id desc limit 1)
            -- failed_syncs.read_failing: the last sync that ended, and the first failure since the last success
            union (
                select id from s where outcome is not null and not is_partial
                order by started_at desc, id desc limit 1
            )
            union (
                select id from s
                where outcome = 'failed' and not is_partial and started_at > coalesce(
                    (select max(started_at) from succeeded where not is_partial), '-infinity'
                )
                order by finished_at, id limit 1
            )
            -- sync_requests: whether the sync for a request was killed
            union (
                select s.id from s join control.sync_requests r on r.sync_id = s.id where s.outcome is null
            )
            -- for queries of a tenant's last full refresh
            union (select id from succeeded where is_full order by started_at desc, id desc limit 1)
            -- failed_syncs.read_not_granted: how an entity's last read ended
            union (
                select distinct on (entity) id from e where pages > 0 or outcome <> 'succeeded'
                order by entity, started_at desc, id desc
            )
            -- and when it was last read, and since when it has not been granted
            union (
                select distinct on (entity) id from e where pages > 0 and outcome = 'succeeded'
                order by entity, started_at desc, id desc
            )
            union (
                select distinct on (entity) id from e
                where outcome = 'not_granted' and not exists (
                    select from e later
                    where later.entity = e.entity and later.outcome = 'succeeded' and later.pages > 0
                      and later.started_at >= e.started_at
                )
                order by entity, started_at, id
            )
            -- completeness.read_shortfalls: the last read
            union (select distinct on (entity) id from e where pages > 0 order by entity, started_at desc, id desc)
            -- field_drift: the first read
            union (
                select distinct on (entity) id from e where pages > 0 and outcome = 'succeeded'
                order by entity, started_at, id
            )
            -- for queries of an entity's last full refresh
            union (
                select distinct on (entity) id from e where pages > 0 and outcome = 'succeeded' and is_full
                order by entity, started_at desc, id desc
            )
            -- empty_reads: the sync of the last landing, the first and last empty read since, and a full one
            union (
                select e.id from e join landed using (entity)
                where e.outcome = 'succeeded' and e.fetched > 0 and landed_at between e.started_at and e.finished_at
            )
            union (
                select distinct on (entity) id from after_landing where fetched = 0 order by entity, started_at, id
            )
            union (
                select distinct on (entity) id from after_landing where fetched = 0
                order by entity, started_at desc, id desc
            )
            union (select distinct on (entity) id from after_landing where is_full order by entity, started_at, id)
            union (select %(running)s::bigint)
        )
        select id from s
        where started_at < %(before)s and not exists (select from kept where kept.id = s.id)
        order by started_at, id limit %(most)s
        """,
        {"tenant": tenant, "before": before, "most": most, "running": running, "newest": MOST_FAILURES},
    ).fetchall()
    return [sync_id for (sync_id,) in rows]
