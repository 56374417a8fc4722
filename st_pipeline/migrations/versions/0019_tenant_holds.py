"""A number for each time that a tenant's lock was taken, so that a sync that lost the lock cannot commit."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create table control.tenant_holds (tenant text primary key, number bigint not null)")
    op.execute("comment on table control.tenant_holds is 'how often each tenant''s lock was taken'")
    op.execute("comment on column control.tenant_holds.number is 'only the process that got this number may commit'")
