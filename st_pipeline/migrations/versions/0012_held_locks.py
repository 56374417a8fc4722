"""Which process holds which advisory lock in this database. Used by several packages."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create view control.held_locks as
        select classid::bigint << 32 | objid::bigint as key, pid
        from pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_database where datname = current_database())
    """)
    op.execute("comment on view control.held_locks is 'advisory locks by one 64-bit key that a process holds now'")
