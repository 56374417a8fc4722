"""Fields seen so far in a batch, so that an interrupted batch detects drift like an uninterrupted one."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table control.cursors add column seen text[] not null default '{}'")
    op.execute("comment on column control.cursors.seen is 'fields that a record of this batch had so far'")
