"""Incidents, alerts about them, and alert deliveries (package ``alerting``)."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.incidents (
            id bigint generated always as identity primary key,
            key text not null,
            rule text not null,
            tenant text not null,
            entity text,
            severity text not null check (severity in ('now', 'can_wait')),
            what text not null,
            advice text not null,
            link text not null,
            since timestamptz not null,
            opened_at timestamptz not null,
            last_seen_at timestamptz not null,
            closed_at timestamptz,
            closed_because text check (closed_because in ('recovered', 'not_watched')),
            check ((closed_at is null) = (closed_because is null))
        )
    """)
    op.execute("create unique index incidents_open on control.incidents (key) where closed_at is null")
    op.execute("create index on control.incidents (tenant, opened_at)")
    op.execute("comment on column control.incidents.since is 'when the trouble began, as far as the rows say'")
    op.execute("""
        create table control.alerts (
            id bigint generated always as identity primary key,
            incident_id bigint references control.incidents (id) on delete cascade,
            kind text not null check (kind in ('opened', 'closed', 'test')),
            created_at timestamptz not null,
            settled_at timestamptz,
            check ((incident_id is null) = (kind = 'test')),
            unique (incident_id, kind)
        )
    """)
    op.execute("create index on control.alerts (id) where settled_at is null")
    op.execute("""
        comment on column control.alerts.settled_at is
            'when every channel there was had it; null: somebody is still to be told'
    """)
    op.execute("""
        create table control.deliveries (
            alert_id bigint not null references control.alerts (id) on delete cascade,
            channel text not null,
            attempts integer not null default 0,
            next_try_at timestamptz,
            delivered_at timestamptz,
            primary key (alert_id, channel)
        )
    """)
    op.execute("""
        comment on column control.deliveries.channel is
            'kind of service and a digest of its URL, which is a secret'
    """)
    op.execute("""
        create table control.member_counts (
            tenant text not null,
            version text not null,
            members bigint not null,
            counted_at timestamptz not null,
            primary key (tenant, counted_at)
        )
    """)
    op.execute("""
        comment on table control.member_counts is
            'rows of a tenant''s members report, one count for each time it was built anew'
    """)
    # Indexes for the rules' queries, which run every minute and would otherwise scan everything.
    op.execute("create index on control.landed_files (landed_at)")
    op.execute("""
        create index landed_files_unbalanced on control.landed_files (tenant, entity)
        where loaded_at is not null and records <> loaded_rows + quarantined_whole
    """)
    op.execute("create index landed_files_not_loaded on control.landed_files (landed_at) where loaded_at is null")
    op.execute("""
        create index landed_files_from_the_beginning on control.landed_files (tenant, entity, id)
        where n = 0 and cursor_from is null
    """)
    op.execute("create index syncs_full on control.syncs (tenant, started_at) where is_full")
