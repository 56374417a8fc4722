"""Rules about API calls: too many fail, ServiceTitan refuses some with 429, or the daily capacity is nearly used up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding, format_count
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.step import Do, Step

SYNCS = 50  # the latest of a tenant; if all of them have fewer calls than a rule needs, it makes no finding


@dataclass(frozen=True, slots=True)
class SyncCalls:
    """The calls of one finished sync, including retries."""

    tenant: str
    run_id: str | None
    started_at: datetime
    finished_at: datetime
    calls: int
    failed: int
    """Calls without an answer, or with a status of 400 or higher except 429."""
    refused: int
    """Calls answered with 429."""
    worst: str | None
    """The operation with failed calls that was called most."""
    has_failed: bool
    """Whether the sync itself failed."""


@dataclass(frozen=True, slots=True)
class CallTotals:
    """All calls of a tenant's recently finished syncs."""

    tenant: str
    calls: int
    since: datetime
    """When the first of these syncs started."""


def read_calls(connection: psycopg.Connection, since: datetime) -> list[SyncCalls]:
    """The latest syncs of enabled tenants that finished after ``since`` and made calls; by tenant, newest first."""
    with connection.cursor(row_factory=class_row(SyncCalls)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, s.run_id, s.started_at, s.finished_at, sums.calls, sums.failed, sums.refused,
                sums.worst, s.outcome = 'failed' as has_failed
            from control.tenants t
            cross join lateral (
                select * from control.syncs s
                where s.tenant = t.key and s.outcome is not null and s.finished_at > %s
                order by s.started_at desc, s.id desc limit %s
            ) s
            cross join lateral (
                select sum(calls)::bigint as calls,
                    coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(refused), 0)::bigint as refused,
                    (array_agg(operation order by calls desc, operation) filter (where failed > 0))[1] as worst
                from control.counted_calls c where c.sync_id = s.id
            ) sums
            where t.enabled and sums.calls > 0
            order by t.key, s.started_at desc, s.id desc
            """,
            (since, SYNCS),
        ).fetchall()


def read_call_totals(connection: psycopg.Connection, rules: Rules, now: datetime) -> list[CallTotals]:
    """The calls of enabled tenants in the last ``hours`` of the rule, by tenant."""
    with connection.cursor(row_factory=class_row(CallTotals)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, sum(c.calls)::bigint as calls, min(s.started_at) as since
            from control.tenants t
            join control.syncs s on s.tenant = t.key and s.finished_at > %(since)s
                -- for the index; no sync takes a week
                and s.started_at > %(since)s - interval '7 days'
            join control.api_calls c on c.sync_id = s.id
            where t.enabled
            group by t.key order by t.key
            """,
            {"since": now - timedelta(hours=rules.rate_limit.hours)},
        ).fetchall()


def window(rules: Rules, now: datetime) -> datetime:
    """The start of the period in which calls count."""
    return now - timedelta(hours=rules.error_rate.hours)


def find_in_calls(
    syncs: Iterable[SyncCalls], usage: Iterable[CallTotals], shut_out: frozenset[str], rules: Rules
) -> Iterator[Finding]:
    """At most one finding per rule and tenant; ``syncs`` in the order of ``read_calls``."""
    of_the_day = {one.tenant: one for one in usage}
    for tenant, group in groupby(syncs, key=lambda sync: sync.tenant):
        latest_first = list(group)
        yield from _error_rate(tenant, latest_first, tenant in shut_out, rules)
        if refused := list(_refused(tenant, latest_first[0], rules)):
            of_the_day.pop(tenant, None)  # both come from the same problem; keep the more serious one
            yield from refused
    for tenant, used in of_the_day.items():
        yield from _full_day(tenant, used, rules)


def _error_rate(tenant: str, syncs: list[SyncCalls], is_shut_out: bool, rules: Rules) -> Iterator[Finding]:
    rule = rules.error_rate
    considered = _too_bad(syncs, rules)
    if not considered:
        return
    calls, failed = sum(sync.calls for sync in considered), sum(sync.failed for sync in considered)
    # If failed syncs made all the failed calls, the alert about the failed sync already covers them.
    is_told = rules.failed_sync.enabled and not _too_bad([sync for sync in syncs if not sync.has_failed], rules)
    worst = next(sync.worst for sync in considered if sync.worst)
    yield Finding(
        "error_rate",
        tenant,
        rule.severity,
        f"{failed / calls:.1%} of the latest {format_count(calls, 'API call')} failed, for example calls to {worst}",
        considered[-1].started_at,
        (Step(Do.WAIT_FOR_RETRY), Step(Do.CHECK_STATUS_PAGE)),
        run_id=syncs[0].run_id,
        is_consequence=is_shut_out or is_told,
    )


def _too_bad(syncs: list[SyncCalls], rules: Rules) -> list[SyncCalls]:
    """The latest syncs that together have enough calls to judge, if too many of those calls failed; else none."""
    rule = rules.error_rate
    calls = failed = 0
    for looked_at, sync in enumerate(syncs, 1):
        calls, failed = calls + sync.calls, failed + sync.failed
        if calls >= rule.least_calls:
            return syncs[:looked_at] if failed > rule.over * calls else []
    return []


def _refused(tenant: str, last: SyncCalls, rules: Rules) -> Iterator[Finding]:
    rule = rules.rate_limit
    if last.refused >= rule.least_refused and last.refused > rule.refused_over * last.calls:
        yield Finding(
            "rate_limit",
            tenant,
            rule.severity,
            f"ServiceTitan rejected {last.refused:,} of the last sync's {format_count(last.calls, 'call')} because of "
            "its rate limit (429)",
            last.started_at,
            (Step(Do.FIND_OTHER_CALLER),),
            run_id=last.run_id,
        )


def _full_day(tenant: str, used: CallTotals, rules: Rules) -> Iterator[Finding]:
    rule = rules.rate_limit
    share = used.calls / (rule.hours * 3600 * rule.calls_per_second)
    if share > rule.over:
        yield Finding(
            "rate_limit",
            tenant,
            rule.severity,
            f"Syncs made {format_count(used.calls, 'call')} in the last {rule.hours:g} hours, {share:.0%} of the most "
            f"that ServiceTitan allows ({rule.calls_per_second:g} a second)",
            used.since,
            (Step(Do.SYNC_LESS_OFTEN),),
        )
