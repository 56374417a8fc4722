"""Rules about calls: too many fail, or there are nearly as many a second as ServiceTitan allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import psycopg
from psycopg.rows import class_row

from st_pipeline.monitoring.findings import Finding, counted
from st_pipeline.monitoring.rules import Rules

SYNCS = 50  # of a tenant, the latest: with fewer calls than a rule wants in all of them there is nothing to judge


@dataclass(frozen=True, slots=True)
class SyncCalls:
    """The calls of one sync that ended, tries included."""

    tenant: str
    run_id: str | None
    started_at: datetime
    finished_at: datetime
    calls: int
    failed: int
    """No answer, or a status from 400 on other than 429."""
    refused: int
    """With 429."""
    worst: str | None
    """The operation most of which failed."""

    @property
    def seconds(self) -> float:
        """From start to end."""
        return (self.finished_at - self.started_at).total_seconds()


def read_calls(connection: psycopg.Connection, since: datetime) -> list[SyncCalls]:
    """The latest syncs of enabled tenants that ended after ``since`` and called; by tenant, the newest first."""
    with connection.cursor(row_factory=class_row(SyncCalls)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, s.run_id, s.started_at, s.finished_at, sums.calls, sums.failed, sums.refused,
                sums.worst
            from control.tenants t
            cross join lateral (
                select * from control.syncs s
                where s.tenant = t.key and s.outcome is not null and s.finished_at > %s
                order by s.started_at desc, s.id desc limit %s
            ) s
            cross join lateral (
                select sum(calls)::bigint as calls,
                    coalesce(sum(calls) filter (where status = 0 or status >= 400 and status <> 429), 0)::bigint
                        as failed,
                    coalesce(sum(calls) filter (where status = 429), 0)::bigint as refused,
                    (array_agg(operation order by calls desc, operation)
                        filter (where status = 0 or status >= 400 and status <> 429))[1] as worst
                from control.api_calls c where c.sync_id = s.id
            ) sums
            where t.enabled and sums.calls > 0
            order by t.key, s.started_at desc, s.id desc
            """,
            (since, SYNCS),
        ).fetchall()


def window(rules: Rules, now: datetime) -> datetime:
    """Since when calls count."""
    return now - timedelta(hours=rules.error_rate.hours)


def find_in_calls(syncs: Iterable[SyncCalls], shut_out: frozenset[str], rules: Rules) -> Iterator[Finding]:
    """At most one finding of each rule for a tenant; ``syncs`` as ``read_calls`` gives them."""
    for tenant, group in groupby(syncs, key=lambda sync: sync.tenant):
        latest_first = list(group)
        yield from _error_rate(tenant, latest_first, tenant in shut_out, rules)
        yield from _rate_limit(tenant, latest_first[0], rules)


def _error_rate(tenant: str, syncs: list[SyncCalls], is_shut_out: bool, rules: Rules) -> Iterator[Finding]:
    rule = rules.error_rate
    calls = failed = looked_at = 0
    for sync in syncs:
        calls, failed, looked_at = calls + sync.calls, failed + sync.failed, looked_at + 1
        if calls >= rule.least_calls:
            break
    else:
        return
    if failed <= rule.over * calls:
        return
    considered = syncs[:looked_at]
    worst = next(sync.worst for sync in considered if sync.worst)
    yield Finding(
        "error_rate",
        tenant,
        rule.severity,
        f"{failed / calls:.1%} of its latest {counted(calls, 'call')} failed, most of them of {worst}",
        considered[-1].started_at,
        "Syncs try again by themselves. If it stays, look at ServiceTitan's status page and at the network; the errors "
        "with their trace ids are in the log of the run.",
        run_id=syncs[0].run_id,
        is_consequence=is_shut_out,
    )


def _rate_limit(tenant: str, last: SyncCalls, rules: Rules) -> Iterator[Finding]:
    rule = rules.rate_limit
    refused = last.refused > rule.refused_over * last.calls
    share = last.calls / (last.seconds * rule.calls_per_second) if last.seconds > 0 else 0.0
    if refused:
        what = f"ServiceTitan refused {last.refused:,} of the {counted(last.calls, 'call')} of the last sync with 429"
        advice = (
            "This app keeps below the limit: something else calls with the same app key for this tenant, or on another "
            "machine. Find it, or give it an app of its own."
        )
    elif share > rule.over and last.seconds >= rule.least_seconds:
        what = (
            f"The last sync made {last.calls / last.seconds:.0f} calls a second, {share:.0%} of the "
            f"{rule.calls_per_second:g} that ServiceTitan allows"
        )
        advice = (
            "Nothing fails yet. Sync it less often or at another hour than what else calls for this tenant with the "
            "same app key."
        )
    else:
        return
    yield Finding("rate_limit", tenant, rule.severity, what, last.started_at, advice, run_id=last.run_id)
