"""The ledger of landed files, cursors, quarantine, drift, and loads (packages ``landing`` and ``warehouse``)."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.cursors (
            tenant text not null,
            entity text not null,
            batch text not null,
            files integer not null default 0,
            is_full boolean not null,
            is_complete boolean not null default false,
            full_batch text,
            cursor text,
            started_at timestamptz not null default now(),
            completed_at timestamptz,
            primary key (tenant, entity)
        )
    """)
    op.execute("comment on column control.cursors.cursor is 'where the next call starts; null is the beginning'")
    op.execute("comment on column control.cursors.files is 'files landed in this batch so far'")
    op.execute("""
        comment on column control.cursors.full_batch is
            'a full batch that is complete, and the rows it did not bring are not marked yet'
    """)
    op.execute("""
        create table control.landed_files (
            id bigint generated always as identity primary key,
            tenant text not null,
            entity text not null,
            batch text not null,
            n integer not null,
            path text not null unique,
            records bigint not null,
            quarantined_whole bigint not null,
            pages integer not null,
            bytes bigint not null,
            cursor_from text,
            cursor_to text,
            fingerprint text not null,
            landed_at timestamptz not null,
            loaded_rows bigint,
            loaded_fingerprint text,
            loaded_at timestamptz
        )
    """)
    op.execute("create index on control.landed_files (tenant, entity, id)")
    op.execute("create index on control.landed_files (tenant, entity, batch)")
    op.execute("""
        create table control.quarantine (
            file_id bigint not null references control.landed_files (id) on delete cascade,
            tenant text not null,
            entity text not null,
            row_number bigint not null,
            record_id bigint,
            field text,
            reason text not null,
            record text not null,
            noted_at timestamptz not null
        )
    """)
    op.execute("create index on control.quarantine (file_id)")
    op.execute("create index on control.quarantine (tenant, entity, record_id)")
    op.execute("""
        comment on table control.quarantine is
            'field is the column that became null; null when the whole record is kept out of raw'
    """)
    op.execute("""
        create table control.drift (
            tenant text not null,
            entity text not null,
            field text not null,
            kind text not null check (kind in ('new', 'missing')),
            first_seen_at timestamptz not null,
            last_seen_at timestamptz not null,
            primary key (tenant, entity, field, kind)
        )
    """)
    op.execute("""
        create table control.raw_loads (
            tenant text not null,
            entity text not null,
            changed_at timestamptz not null,
            primary key (tenant, entity)
        )
    """)
    op.execute("""
        comment on table control.raw_loads is
            'when a tenant''s rows of a raw table last changed; moved in the transaction of the change'
    """)
