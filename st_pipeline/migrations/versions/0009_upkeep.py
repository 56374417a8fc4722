"""Retention of landed files (package ``landing``): several ledger rows in one file, and expired files."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Ledger rows are never merged or deleted, so queries about them (when a file landed, its size, where it started)
    # keep working. Only the location of their records changes.
    op.execute("""
        alter table control.landed_files
            drop constraint landed_files_path_key,
            add column first_row bigint not null default 0,
            add column compacted_at timestamptz,
            add column expired_at timestamptz
    """)
    op.execute("create index on control.landed_files (path)")
    op.execute("comment on column control.landed_files.first_row is 'where its records begin in the file at path'")
    op.execute("""
        comment on column control.landed_files.compacted_at is
            'when its records moved into a file with others; null: the file at path is its own'
    """)
    op.execute("comment on column control.landed_files.expired_at is 'when the file was removed by its age'")
    op.execute("comment on column control.landed_files.bytes is 'of the file that landed, compacted or not'")
