"""An id for the installation, which marks its landing zone."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.installation (
            id uuid not null default gen_random_uuid(),
            only_one boolean primary key default true check (only_one)
        )
    """)
