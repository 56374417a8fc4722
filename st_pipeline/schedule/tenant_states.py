"""Read each tenant's sync history from schema ``control``, and from it when the tenant is due next.

due_times.py decides. The schedule, command line and portal all use this module to get the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg

from st_pipeline.schedule.due_times import Cadence, Due, State, next_sync, parse
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.model import DEFAULT_CADENCE, Tenant

# More failures in a row than this change nothing: retries are counted per scheduled time.
MOST_FAILURES = 50


def read_next_syncs(
    connection: psycopg.Connection[Any], tenants: Iterable[Tenant], now: datetime
) -> dict[str, Due | None]:
    """The next sync of each of these tenants by key, as of ``now``; None if no automatic sync is scheduled."""
    states = read_states(connection)
    return {
        tenant.key: find_next_sync(tenant, states[tenant.key], now)
        for tenant in tenants
        if tenant.key in states  # removed in the meantime
    }


def find_next_sync(tenant: Tenant, state: State, now: datetime) -> Due | None:
    """The next sync of a tenant in this state."""
    return next_sync(parse_stored_cadence(tenant.cadence), tenant.timezone, state, now, tenant.key)


def parse_stored_cadence(text: str) -> Cadence:
    """The cadence in a row. A stored cadence that is no longer valid becomes nightly, because never would be worse."""
    try:
        return parse(text)
    except FieldInvalid:
        return parse(DEFAULT_CADENCE)


def read_states(
    connection: psycopg.Connection[Any], tenant: str | None = None, *, holds_lock: bool = False
) -> dict[str, State]:
    """The state of every registered tenant, or of one, by its key.

    Partial syncs do not count. A sync without an end is running while its process holds the tenant's lock
    (landing/tenant_lock.py); otherwise it was killed, which counts as a failure. With ``holds_lock``, the caller holds
    that lock itself, so no sync of the tenant is running. Runs waiting in the orchestrator's queue are not known here.
    """
    rows = connection.execute(
        """
        with known as (
            select *, not %(holds_lock)s
                and key in (select tenant from control.locked_tenants) as running
            from control.tenants
        )
        select
            t.key,
            case when t.connected_at is not null then t.created_at end,
            success.started_at,
            failures.starts,
            failures.ended_at,
            t.status in ('refused', 'not_connected'),
            c.created_at,
            t.enabled,
            t.running
        from known t
        left join control.credentials c on c.tenant = t.key
        left join control.last_successes success on success.tenant = t.key
        left join lateral (
            select array_agg(f.started_at order by f.started_at) as starts,
                max(coalesce(f.finished_at, f.started_at)) as ended_at
            from (
                select s.started_at, s.finished_at from control.syncs s
                where s.tenant = t.key and not s.is_partial
                  and s.started_at > coalesce(success.started_at, '-infinity')
                  and (s.outcome = 'failed' or (s.outcome is null and not t.running))
                order by s.started_at desc limit %(most)s
            ) f
        ) failures on true
        where %(tenant)s::text is null or t.key = %(tenant)s
        """,
        {"most": MOST_FAILURES, "tenant": tenant, "holds_lock": holds_lock},
    ).fetchall()
    return {
        key: State(
            connected_since=connected_since,
            # A sync that started after a scheduled time serves it, whatever its reason: it has the data of that time.
            last_success_due=success_at,
            failed_starts=tuple(failed_starts or ()),
            last_ended_at=ended_at,
            last_failure_is_permanent=refused,
            credentials_changed_at=credentials_at,
            enabled=enabled,
            running=running,
        )
        for (
            key, connected_since, success_at, failed_starts, ended_at, refused, credentials_at, enabled, running
        ) in rows
    }  # fmt: skip
