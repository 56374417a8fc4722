"""What several queries ask of the history, as views: running syncs, last successes, calls that failed."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create function control.tenant_lock_key(tenant text) returns bigint immutable language sql
        return hashtextextended('st-pipeline ' || tenant, 0)
    """)
    op.execute("""
        create view control.locked_tenants as
        select t.key as tenant from control.tenants t
        where control.tenant_lock_key(t.key) in (select key from control.held_locks)
    """)
    op.execute("""
        create view control.running_syncs as
        select t.tenant, last.id as sync_id
        from control.locked_tenants t
        cross join lateral (
            select s.id, s.outcome from control.syncs s
            where s.tenant = t.tenant order by s.started_at desc, s.id desc limit 1
        ) last
        where last.outcome is null
    """)
    op.execute("""
        create view control.last_successes as
        select t.key as tenant, s.*
        from control.tenants t
        cross join lateral (
            select id as sync_id, started_at, finished_at from control.syncs s
            where s.tenant = t.key and s.outcome = 'succeeded' and not s.is_partial
            order by s.started_at desc, s.id desc limit 1
        ) s
    """)
    op.execute("""
        create view control.counted_calls as
        select c.*,
            case when status = 0 or status >= 400 and status <> 429 then calls else 0 end as failed,
            case when status = 429 then calls else 0 end as refused
        from control.api_calls c
    """)
    comments = {
        "function control.tenant_lock_key": "the key of the advisory lock that a tenant''s sync holds while it runs",
        "view control.locked_tenants": "tenants whose lock a process holds now",
        "view control.running_syncs": "the sync that runs now, of each tenant that has one",
        "view control.last_successes": "the last complete sync that succeeded, of each tenant that has one",
        "view control.counted_calls": "api_calls, and how many failed (no answer, or an error other than 429) or were "
        "refused (429)",
    }
    for what, comment in comments.items():
        op.execute(f"comment on {what} is '{comment}'")
