"""Which fields a batch had so far, so that one that was interrupted judges drift like one that was not."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table control.cursors add column seen text[] not null default '{}'")
    op.execute("comment on column control.cursors.seen is 'fields that a record of this batch had so far'")
