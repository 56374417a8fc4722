"""Rules about failed syncs: a single one, several in a row, and withdrawn scopes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, kwargs_row

from st_pipeline.rules.findings import Finding, format_count, shorten
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES, is_legacy_required
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.steps.sentences import list_words
from st_pipeline.steps.step import Do, Step, Steps, from_plain


@dataclass(frozen=True, slots=True)
class Failing:
    """A tenant whose last finished sync failed."""

    tenant: str
    error: str
    run_id: str | None
    failures: int
    """In a row, since the last success."""
    since: datetime
    """When the first of them ended."""
    last_failed_at: datetime
    """When the last of them ended."""
    not_granted: list[str]
    """Entities of the last sync without their scope."""
    others: int
    """How many entities failed for another reason. A sync that stopped early has no entities."""
    steps: Steps = ()
    """What the error itself says to do."""
    trace_id: str | None = None
    """ServiceTitan's, if the sync has one: its support can find the call by it."""


@dataclass(frozen=True, slots=True)
class NotGranted:
    """An entity that its last sync found not granted."""

    tenant: str
    entity: str
    run_id: str | None
    since: datetime
    """When a sync first found it not granted, after the last one that read it."""
    read_at: datetime | None
    """When a sync last read it; None: never."""


def read_failing(connection: psycopg.Connection) -> list[Failing]:
    """Enabled tenants whose last sync failed, by key. Running, killed, and partial syncs (some entities, or a load
    only) do not count."""
    with connection.cursor(row_factory=kwargs_row(_failing)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, coalesce(last.error, '') as error, last.run_id, row_.failures, row_.since,
                last.finished_at as last_failed_at, parts.not_granted, parts.others,
                coalesce(nullif(last.steps, '[]'), parts.steps, '[]') as steps, last.trace_id
            from control.tenants t
            join lateral (
                select * from control.syncs s
                where s.tenant = t.key and outcome is not null and not is_partial
                order by started_at desc, id desc limit 1
            ) last on last.outcome = 'failed'
            left join control.last_successes success on success.tenant = t.key
            cross join lateral (
                select count(*) as failures, min(finished_at) as since from control.syncs s
                where s.tenant = t.key and s.outcome = 'failed' and not s.is_partial
                  and (success.started_at is null or s.started_at > success.started_at)
            ) row_
            cross join lateral (
                select coalesce(array_agg(entity order by entity) filter (where outcome = 'not_granted'), '{}')
                        as not_granted,
                    count(*) filter (where outcome = 'failed') as others,
                    (array_agg(steps order by entity) filter (where outcome = 'failed' and steps <> '[]'))[1] as steps
                from control.sync_entities e where e.sync_id = last.id
            ) parts
            where t.enabled and row_.failures > 0
            order by t.key
            """
        ).fetchall()


def _failing(*, steps: Any, **columns: Any) -> Failing:
    return Failing(steps=from_plain(steps), **columns)


def read_not_granted(connection: psycopg.Connection) -> list[NotGranted]:
    """Entities of enabled tenants that were not granted in the last sync that requested them."""
    with connection.cursor(row_factory=class_row(NotGranted)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, asked.entity, last.run_id, refused.since, granted.read_at
            from control.tenants t
            cross join unnest(%s::text[]) as asked (entity)
            join lateral (
                select e.outcome, s.run_id from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and (e.pages > 0 or e.outcome <> 'succeeded')
                order by s.started_at desc, s.id desc limit 1
            ) last on last.outcome = 'not_granted'
            left join lateral (
                select s.started_at as read_at from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and e.outcome = 'succeeded' and e.pages > 0
                order by s.started_at desc, s.id desc limit 1
            ) granted on true
            cross join lateral (
                select min(s.started_at) as since from control.syncs s
                join control.sync_entities e on e.sync_id = s.id and e.entity = asked.entity
                where s.tenant = t.key and e.outcome = 'not_granted'
                  and (granted.read_at is null or s.started_at > granted.read_at)
            ) refused
            where t.enabled
            order by t.key, asked.entity
            """,
            (list(ASSET_ENTITIES),),
        ).fetchall()


def find_withdrawn(entities: Iterable[NotGranted], rules: Rules) -> Iterator[Finding]:
    """One finding for each scope that a tenant granted before and no longer does."""
    scopes: dict[tuple[str, str], list[NotGranted]] = {}
    for one in entities:
        if one.read_at:
            scopes.setdefault((one.tenant, endpoint(one.entity).scope), []).append(one)
    for (tenant, scope), lost in scopes.items():
        names = [one.entity for one in lost]
        read_at = max(one.read_at for one in lost if one.read_at)
        required = any(map(is_legacy_required, names))
        yield Finding(
            "scope_withdrawn",
            tenant,
            rules.scope_withdrawn.severity,
            f"The app lost the permission {scope} in ServiceTitan; {list_words(names)} "
            f"{'was' if len(names) == 1 else 'were'} last downloaded {read_at:%Y-%m-%d %H:%M} UTC"
            f"{'. The reports cannot be built without this permission' if required else ''}",
            min(one.since for one in lost),
            (Step(Do.GRANT_SCOPE, scope), Step(Do.SYNC)),
            entity=names[0],
            subject=scope,
            run_id=lost[0].run_id,
            entities=tuple(names),
        )


def count_consecutive(failing: Iterable[Failing], rules: Rules) -> frozenset[str]:
    """Tenants with an alert for several failed syncs in a row."""
    rule = rules.failures_in_a_row
    return frozenset(one.tenant for one in failing if rule.enabled and one.failures > rule.more_than)


def select_explained(
    failing: Iterable[Failing], withdrawn: Iterable[Finding], shut_out: Collection[str]
) -> frozenset[str]:
    """Tenants whose failures another alert covers: they are ``shut_out``, or lack only scopes that are among the
    ``withdrawn``."""
    lost = {(finding.tenant, finding.subject) for finding in withdrawn}
    lacking = {one.tenant for one in failing if (scopes := _only(one)) and {(one.tenant, s) for s in scopes} <= lost}
    return frozenset(lacking | {*shut_out})


def find_in_syncs(failing: Iterable[Failing], explained: Collection[str], rules: Rules) -> Iterator[Finding]:
    """Failed syncs, and several in a row; consequences if the tenant's failures are ``explained``.

    An alert for several failures replaces the one for a single failure.
    """
    failing = list(failing)
    rows = count_consecutive(failing, rules)
    for one in failing:
        scopes = _only(one)
        own = one.steps or (Step(Do.FIX_ERROR),)
        trace = (Step(Do.REPORT_TRACE),) if one.trace_id and Step(Do.REPORT_TRACE) not in own else ()
        common: dict[str, Any] = {
            "since": one.since,
            "run_id": one.run_id,
            "steps": (
                (*(Step(Do.GRANT_SCOPE, scope) for scope in sorted(scopes)), Step(Do.SYNC))
                if scopes
                else (*own, Step(Do.SYNC), *trace)
            ),
        }
        yield Finding(
            "failed_sync",
            one.tenant,
            rules.failed_sync.severity,
            f"The last sync failed: {shorten(one.error)}",
            is_consequence=one.tenant in explained or one.tenant in rows,
            **common,
        )
        if one.failures > rules.failures_in_a_row.more_than:
            yield Finding(
                "failures_in_a_row",
                one.tenant,
                rules.failures_in_a_row.severity,
                f"{format_count(one.failures, 'sync')} in a row failed; last error: {shorten(one.error)}",
                is_consequence=one.tenant in explained,
                **common,
            )


def _only(failing: Failing) -> set[str]:
    """The scopes that a sync failed for, if it failed for no other reason."""
    if failing.others:
        return set()
    return {endpoint(entity).scope for entity in failing.not_granted if is_legacy_required(entity)}
