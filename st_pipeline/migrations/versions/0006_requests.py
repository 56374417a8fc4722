"""Sync requests and launches, the reason for each sync, and report builds."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table control.syncs
            add column reason text not null default 'manual' check (
                reason in ('first', 'regular', 'catch_up', 'retry', 'request', 'manual')
            ),
            add column due_for timestamptz,
            add column requested_by text not null default '',
            add column is_partial boolean not null default false
    """)
    op.execute("comment on column control.syncs.due_for is 'the regular time it was for, where it ran by cadence'")
    op.execute("comment on column control.syncs.requested_by is 'who asked; empty where it ran by cadence'")
    op.execute("""
        comment on column control.syncs.is_partial is
            'only some entities, or only loads: serves no regular time, and says nothing of the tenant as a whole'
    """)
    op.execute("""
        create table control.sync_requests (
            id bigint generated always as identity primary key,
            tenant text not null,
            requested_by text not null,
            requested_at timestamptz not null,
            is_full boolean not null default false,
            entities text[],
            attempts integer not null default 0,
            served_at timestamptz,
            sync_id bigint references control.syncs (id) on delete set null
        )
    """)
    op.execute("comment on column control.sync_requests.entities is 'null: all of them'")
    op.execute("comment on column control.sync_requests.served_at is 'when the last sync of it began'")
    op.execute("comment on column control.sync_requests.attempts is 'such syncs; more than one when one was killed'")
    op.execute("create index sync_requests_open on control.sync_requests (tenant, id) where served_at is null")
    op.execute("""
        create table control.launches (
            tenant text primary key,
            launched_at timestamptz not null
        )
    """)
    op.execute("""
        comment on table control.launches is
            'tenants that a run was just asked for, until it begins; keeps two launchers from asking for two'
    """)
    op.execute("""
        create table control.builds (
            id bigint generated always as identity primary key,
            run_id text,
            loads text not null,
            started_at timestamptz not null,
            finished_at timestamptz,
            outcome text check (outcome in ('succeeded', 'failed')),
            error text
        )
    """)
    op.execute("comment on column control.builds.loads is 'digest of all that was loaded when it began'")
    op.execute("comment on table control.builds is 'builds of all reports; outcome null: runs, or was killed'")
