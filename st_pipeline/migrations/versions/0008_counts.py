"""The API's record counts next to ours (package ``rules``)."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.api_counts (
            tenant text not null,
            entity text not null,
            counted_at timestamptz not null,
            bound timestamptz not null,
            api_total bigint not null,
            raw_rows bigint not null,
            unsure bigint not null,
            primary key (tenant, entity, counted_at)
        )
    """)
    op.execute("""
        comment on column control.api_counts.bound is
            'both counts are of records created before it: later ones may not be in an export yet'
    """)
    op.execute("comment on column control.api_counts.raw_rows is 'present rows of raw, created before the bound'")
    op.execute("""
        comment on column control.api_counts.unsure is
            'rows whose time of creation is not known, and records quarantined whole: the API may count them'
    """)
