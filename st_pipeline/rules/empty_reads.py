"""The rule about an API that answers 200 but sends no records where there used to be some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Kind
from st_pipeline.steps.step import Do, Step

LEAST_GAPS = 3  # between landings; fewer don't show how quiet a feed normally is


@dataclass(frozen=True, slots=True)
class EmptyRead:
    """An entity that was read to its end since records last arrived, without any new ones."""

    tenant: str
    entity: str
    landed_at: datetime
    """When records last arrived."""
    began_at: datetime
    """When the first sync that received nothing started."""
    last_at: datetime
    """When the latest of them started."""
    run_id: str | None
    was_read_whole: bool
    """One of them was a full read, so every record should have arrived."""
    longest_gap: timedelta | None
    """The longest earlier time between two landings; None if there are too few."""


def read_empty_reads(connection: psycopg.Connection, rules: Rules, now: datetime) -> list[EmptyRead]:
    """Entities of enabled tenants whose reads since the last landed file received nothing.

    A sync that only loads makes no calls and does not count. Neither does a full read that may have continued a failed
    one, because that could have nothing left to fetch.
    """
    with connection.cursor(row_factory=class_row(EmptyRead)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, asked.entity, landed.landed_at, empty_.began_at, empty_.last_at, empty_.run_id,
                exists (
                    select from control.syncs s
                    join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                    where s.tenant = t.key and s.is_full and s.started_at > landed.landed_at
                      and e.outcome = 'succeeded' and e.pages > 0
                ) and exists (
                    select from control.syncs s
                    join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                    where s.tenant = t.key and e.outcome = 'succeeded' and e.fetched > 0
                      and landed.landed_at between s.started_at and s.finished_at
                ) as was_read_whole,
                gaps.longest_gap
            from control.tenants t
            cross join unnest(%(entities)s::text[]) as asked (entity)
            join lateral (
                select landed_at from control.landed_files f
                where f.tenant = t.key and f.entity = asked.entity order by f.id desc limit 1
            ) landed on true
            join lateral (
                select min(s.started_at) as began_at, max(s.started_at) as last_at,
                    (array_agg(s.run_id order by s.started_at desc))[1] as run_id
                from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and s.started_at > landed.landed_at
                  and e.outcome = 'succeeded' and e.pages > 0 and e.fetched = 0
            ) empty_ on empty_.began_at is not null
            left join lateral (
                select case when count(before) >= %(gaps)s then max(landed_at - before) end as longest_gap from (
                    select landed_at, lag(landed_at) over (order by id) as before from control.landed_files f
                    where f.tenant = t.key and f.entity = asked.entity and f.landed_at > %(since)s
                ) landings
                -- Only if it can matter: most empty entities have been empty only since yesterday.
                where empty_.last_at - landed.landed_at >= %(least)s
            ) gaps on true
            where t.enabled
            order by t.key, asked.entity
            """,
            {
                "entities": list(ASSET_ENTITIES),
                "since": now - timedelta(days=rules.nothing_sent.days),
                "least": timedelta(days=rules.nothing_sent.least_days),
                "gaps": LEAST_GAPS,
            },
        ).fetchall()


def is_suspicious(silence: EmptyRead, kind: Kind, rules: Rules) -> bool:
    """Whether receiving nothing is suspicious.

    A full read returns every record, and a list is reread from an hour before its newest record, so that record comes
    again. A feed is empty if nothing changes, so the test is how long it was empty before.
    """
    if silence.was_read_whole or kind is Kind.LIST:
        return True
    rule, quiet = rules.nothing_sent, silence.last_at - silence.landed_at
    if silence.longest_gap is None or quiet < timedelta(days=rule.least_days):
        return False
    return quiet > rule.times * silence.longest_gap


def find_empty_reads(silences: Iterable[EmptyRead], rules: Rules) -> Iterator[Finding]:
    """One finding for each tenant, naming the entities, because an API problem rarely affects only one."""
    tenants: dict[str, list[EmptyRead]] = {}
    for silence in silences:
        if is_suspicious(silence, endpoint(silence.entity).kind, rules):
            tenants.setdefault(silence.tenant, []).append(silence)
    for tenant, silent in tenants.items():
        names = [one.entity for one in silent]
        landed_at = max(one.landed_at for one in silent)
        yield Finding(
            "nothing_sent",
            tenant,
            rules.nothing_sent.severity,
            f"ServiceTitan reports no error but has stopped sending {', '.join(names)} "
            f"(last received {landed_at:%Y-%m-%d %H:%M} UTC)",
            min(one.began_at for one in silent),
            (Step(Do.CHECK_RECORDS_EXIST), Step(Do.FULL_REFRESH)),
            entity=names[0] if len(names) == 1 else None,
            subject="any",  # still the same problem if it spreads to another entity
            entities=tuple(names),
            run_id=silent[0].run_id,
        )
