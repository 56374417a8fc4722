"""What each sync did and every API call it made (package ``history``)."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.syncs (
            id bigint generated always as identity primary key,
            tenant text not null,
            run_id text,
            is_full boolean not null,
            started_at timestamptz not null,
            finished_at timestamptz,
            outcome text check (outcome in ('succeeded', 'failed')),
            error text
        )
    """)
    op.execute("create index on control.syncs (tenant, started_at desc)")
    op.execute("comment on column control.syncs.outcome is 'null while it runs, or when it was killed'")
    op.execute("""
        create table control.sync_entities (
            sync_id bigint not null references control.syncs (id) on delete cascade,
            entity text not null,
            outcome text not null check (outcome in ('succeeded', 'failed', 'not_granted')),
            fetched bigint not null,
            landed bigint not null,
            loaded bigint not null,
            quarantined_whole bigint not null,
            quarantined_fields bigint not null,
            deleted bigint not null,
            files integer not null,
            pages integer not null,
            bytes bigint not null,
            seconds double precision not null,
            api_total bigint,
            detail text,
            primary key (sync_id, entity)
        )
    """)
    op.execute("comment on column control.sync_entities.fetched is 'records the API sent'")
    op.execute("comment on column control.sync_entities.api_total is 'how many the API says there are, where it does'")
    op.execute("""
        create table control.api_calls (
            sync_id bigint not null references control.syncs (id) on delete cascade,
            tenant text not null,
            operation text not null,
            status integer not null,
            calls bigint not null,
            retries bigint not null,
            bytes bigint not null,
            seconds double precision not null,
            slowest double precision not null,
            buckets integer[] not null,
            primary key (sync_id, operation, status)
        )
    """)
    op.execute("comment on column control.api_calls.status is 'HTTP status; 0 where no answer came'")
