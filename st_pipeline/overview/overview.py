"""The state of every tenant: totals, then each tenant. The only source of what `status` and the portal show.

totals.py has the sums of the last day, history/syncs.py a sync in full, history/api_usage.py calls by day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from st_pipeline.alerting.incident_table import read_open_incidents
from st_pipeline.alerting.incidents import Incident
from st_pipeline.history.syncs import read_running_syncs
from st_pipeline.overview.recent_syncs import RecentSync, read_recent_syncs
from st_pipeline.overview.totals import Totals, read_busiest, read_day, read_failed_today
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import StaleAt, TenantFacts, read_tenant_facts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.schedule.due_times import Due
from st_pipeline.schedule.sync_requests import read_open_requests
from st_pipeline.schedule.tenant_states import find_next_sync, read_states
from st_pipeline.steps.step import Steps, from_plain
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.model import Status, Tenant


@dataclass(frozen=True, slots=True)
class LastSync:
    """More about the last sync; syncs.read_sync has everything."""

    reason: str
    requested_by: str
    error: str | None
    steps: Steps
    """What to do about what stopped it."""
    trace_id: str | None
    fetched: int


@dataclass(frozen=True, slots=True)
class TenantOverview:
    """One tenant; instants are timezone-aware."""

    tenant: Tenant
    recent: list[RecentSync]
    """Its last syncs, at most RECENT, the oldest first."""
    last: LastSync | None
    """More about the last of them."""
    last_success_at: datetime | None
    """When the last successful sync of the whole tenant ended."""
    next_sync: Due | None
    """In the past if it is waiting to start; None: no automatic sync is scheduled."""
    is_queued: bool
    """A sync is due or requested but not running."""
    fresh_until: datetime | None
    """Its data is fresh, and stays so until then without another success."""
    stale_since: datetime | None
    """Its data has been stale since then. Neither: no sync is expected (paused, disabled, never connected)."""
    quarantined_whole: int
    quarantined_fields: int
    """Both count everything in quarantine."""
    drift: int
    incidents: list[Incident]
    """Current problems, the oldest first."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything as of one moment; tenants by key."""

    at: datetime
    totals: Totals
    tenants: list[TenantOverview]


def read_overview(
    connection: psycopg.Connection[Any], now: datetime, *, zone: str = "UTC", rules: Rules | None = None
) -> Overview:
    """The state of every tenant at ``now``, from one snapshot; days start at midnight in ``zone``.

    ``rules`` say when data is stale and how many calls a second are allowed. ``connection`` must be in autocommit.
    """
    rules = rules or Rules()
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        running = read_running_syncs(connection)
        incidents = read_open_incidents(connection)
        registered = tenant_table.read_all(connection)
        tenants = _read_tenants(connection, registered, set(running.values()), incidents, now, rules)
        sums = read_day(connection, running.values(), now)
        failed_today = read_failed_today(connection, running.values(), now, zone)
        busiest = read_busiest(connection, now)
    totals = Totals(
        tenants=len(tenants),
        connected=sum(one.tenant.status == Status.CONNECTED for one in tenants),
        running=len(running),
        queued=sum(one.is_queued for one in tenants),
        succeeded=sums.succeeded,
        success_rate=sums.success_rate,
        failed_today=failed_today,
        average_sync_seconds=sums.average_seconds,
        calls=sums.calls,
        average_latency=sums.average_latency,
        p95_latency=sums.p95_latency,
        rate_limit_share=busiest.calls_per_second / rules.rate_limit.calls_per_second if busiest else None,
        busiest_tenant=busiest.tenant if busiest else None,
        open_incidents=len(incidents),
    )
    return Overview(now, totals, tenants)


def read_tenant_overview(
    connection: psycopg.Connection[Any], key: str, now: datetime, *, rules: Rules | None = None
) -> TenantOverview:
    """The state of one tenant, as in ``read_overview`` but without reading the others. Raises TenantUnknown."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        registered = [tenant_table.read(connection, key)]
        running = set(read_running_syncs(connection).values())
        return _read_tenants(
            connection, registered, running, read_open_incidents(connection), now, rules or Rules(), key
        )[0]


def _read_tenants(
    connection: psycopg.Connection[Any],
    registered: Sequence[Tenant],
    running: Collection[int],
    incidents: Sequence[Incident],
    now: datetime,
    rules: Rules,
    only: str | None = None,
) -> list[TenantOverview]:
    states = read_states(connection, only)
    watched = {one.key: one for one in read_tenant_facts(connection)}
    asked = {request.tenant for request in read_open_requests(connection, only)}
    recent = read_recent_syncs(connection, running, only)
    marks = _read_marks(connection, only)
    stale_at = compute_stale_at(rules)
    tenants: list[TenantOverview] = []
    for tenant in registered:
        key, due = tenant.key, find_next_sync(tenant, states[tenant.key], now)
        waits = key in asked or (due is not None and due.at <= now)
        fresh_until, stale_since = compute_freshness(watched.get(key), stale_at, now)
        tenants.append(
            TenantOverview(
                tenant,
                recent.get(key, []),
                marks[key].last,
                marks[key].last_success_at,
                due,
                is_queued=waits and not states[key].running,
                fresh_until=fresh_until,
                stale_since=stale_since,
                quarantined_whole=marks[key].quarantined_whole,
                quarantined_fields=marks[key].quarantined_fields,
                drift=marks[key].drift,
                incidents=[incident for incident in incidents if incident.tenant == key],
            )
        )
    return tenants


def compute_freshness(
    watched: TenantFacts | None, stale_at: StaleAt, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """(fresh until, stale since) of a tenant's data; both None if no sync is expected. ``watched`` None: disabled."""
    if watched is None or watched.connected_at is None or (at := stale_at(watched)) is None:
        return None, None
    return (None, at) if now >= at else (at, None)


@dataclass(frozen=True, slots=True)
class _Marks:
    last: LastSync | None
    last_success_at: datetime | None
    quarantined_whole: int
    quarantined_fields: int
    drift: int


def _read_marks(connection: psycopg.Connection[Any], only: str | None) -> dict[str, _Marks]:
    rows = connection.execute(
        """
        select t.key, last.reason, last.requested_by, last.error, last.steps, last.trace_id, last.fetched,
            success.finished_at,
            coalesce(q.whole, 0), coalesce(q.fields, 0), coalesce(d.fields, 0)
        from control.tenants t
        left join lateral (
            select * from control.syncs s where s.tenant = t.key order by s.started_at desc, s.id desc limit 1
        ) last on true
        left join control.last_successes success on success.tenant = t.key
        left join (
            select tenant, count(*) filter (where field is null) as whole, count(field) as fields
            from control.quarantine where %(only)s::text is null or tenant = %(only)s group by tenant
        ) q on q.tenant = t.key
        left join (select tenant, count(*) as fields from control.drift group by tenant) d on d.tenant = t.key
        where %(only)s::text is null or t.key = %(only)s
        """,
        {"only": only},
    ).fetchall()
    marks: dict[str, _Marks] = {}
    for key, reason, requested_by, error, steps, trace_id, fetched, *others in rows:
        last = LastSync(reason, requested_by, error, from_plain(steps), trace_id, fetched) if reason else None
        marks[key] = _Marks(last, *others)
    return marks
