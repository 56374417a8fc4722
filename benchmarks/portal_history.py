"""A history to time the portal's pages on: hundreds of tenants, a hundred thousand syncs, and their rows.

SQL inserts it all at once, in the form that syncs leave. portal.py does the timing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

ENTITIES = ["accounting_invoices", "crm_customers", "jpm_jobs", "memberships_memberships"]
KEY = "tenant-0001"
"""The tenant whose pages are timed. It has as many syncs as any other, and all of the quarantine and drift."""

# Four syncs a day for each tenant, at its own minute; one in twenty fails.
_STATEMENTS = (
    """
    insert into control.tenants (key, name, tenant_id, environment, timezone, cadence, status, status_detail,
        status_since, checked_at, connected_at, created_at, updated_at)
    select 'tenant-' || to_char(n, 'FM0000'), 'Company ' || n, n, 'sandbox', 'America/Chicago',
        (array['nightly', 'weekly mon 02:00', 'every 6h', 'monthly 1'])[1 + mod(n, 4)],
        case mod(n, 25) when 0 then 'not_connected' else 'connected' end, 'as found', now - interval '90 days',
        now - interval '1 hour', now - interval '90 days', now - interval '100 days', now - interval '90 days'
    from generate_series(1, %(tenants)s) n, lateral (select %(now)s::timestamptz as now) at
    """,
    """
    insert into control.syncs (tenant, run_id, is_full, started_at, finished_at, outcome, error, reason, fetched,
        loaded, pages, bytes, calls, call_seconds, slowest_call, buckets)
    select 'tenant-' || to_char(n, 'FM0000'), 'run-' || k, false, at, at + make_interval(secs => 60 + mod(n + k, 240)),
        case mod(n + k, 20) when 0 then 'failed' else 'succeeded' end,
        case mod(n + k, 20) when 0 then 'crm_customers: ServiceTitan did not answer' end, 'regular',
        4 * mod(n * k, 900), 4 * mod(n * k, 900), 4, 400000, 12, 3.5, 1, '{0,0,4,8}'
    from generate_series(1, %(tenants)s) n, generate_series(1, %(each)s) k,
        lateral (select %(now)s::timestamptz - make_interval(hours => 6 * k, mins => mod(n, 300)) as at) times
    """,
    """
    insert into control.sync_entities (sync_id, entity, outcome, fetched, landed, loaded, quarantined_whole,
        quarantined_fields, deleted, files, pages, bytes, seconds)
    select s.id, e, s.outcome, s.fetched / 4, s.fetched / 4, s.fetched / 4, 0, 0, 0, 1, 1, 100000, 5
    from control.syncs s, unnest(%(entities)s::text[]) e
    """,
    """
    insert into control.api_calls (sync_id, tenant, operation, status, calls, retries, bytes, seconds, slowest, buckets)
    select s.id, s.tenant, 'GET ' || e, 200, 3, 0, 100000, 0.9, 1, '{0,0,1,2}'
    from control.syncs s, unnest(%(entities)s::text[]) e
    """,
    """
    insert into control.landed_files (tenant, entity, batch, n, path, records, quarantined_whole, pages, bytes,
        fingerprint, landed_at, loaded_rows, loaded_fingerprint, loaded_at)
    select s.tenant, e, s.id::text, 0, s.id || e, s.fetched / 4, 0, 1, 100000, '', s.started_at, s.fetched / 4, '',
        s.finished_at
    from control.syncs s, unnest(%(entities)s::text[]) e where s.started_at > %(now)s - interval '14 days'
    """,
    """
    insert into control.quarantine (file_id, tenant, entity, row_number, record_id, field, reason, record, noted_at)
    select f.id, f.tenant, f.entity, k, k, case when k > 1 then 'address' end, 'is no text', '{"id": 1}', f.landed_at
    from control.landed_files f, generate_series(1, 5) k where mod(f.id, 10) = 0
    """,
    """
    insert into control.drift (tenant, entity, field, kind, first_seen_at, last_seen_at)
    select t.key, e, 'field' || k, 'new', %(now)s, %(now)s
    from control.tenants t, unnest(%(entities)s::text[]) e, generate_series(1, 5) k
    """,
    """
    insert into control.audit (at, actor, role, address, action, tenant, detail)
    select s.started_at, 'ann', 'operator', '192.0.2.1', 'sync asked for', s.tenant, '{"request": 1}'
    from control.syncs s where mod(s.id, 10) = 0
    """,
    """
    insert into control.incidents (key, rule, tenant, severity, what, advice, link, since, opened_at, last_seen_at,
        closed_at, closed_because)
    select 'failed_sync ' || s.id, 'failed_sync', s.tenant, 'now', s.error, 'Wait for the next one.', '', s.started_at,
        s.finished_at, s.finished_at, at, case when at is not null then 'recovered' end
    from control.syncs s,
        lateral (select case when s.started_at < %(now)s - interval '7 hours' then s.finished_at end as at) closing
    where s.outcome = 'failed'
    """,
)


def fill(connection: psycopg.Connection[Any], now: datetime, *, tenants: int, syncs: int) -> None:
    """Insert ``syncs`` syncs of ``tenants`` tenants up to ``now`` into an empty, migrated warehouse."""
    values = {"now": now, "tenants": tenants, "each": syncs // tenants, "entities": ENTITIES}
    for statement in _STATEMENTS:
        connection.execute(statement.encode(), values)
    connection.execute("vacuum analyze")
