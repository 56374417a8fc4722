"""Recent tries to sign in, which a restart of the portal must not forget."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.sign_in_tries (
            account bytea not null,
            source text not null,
            is_known boolean not null,
            at timestamptz not null
        )
    """)
    op.execute("comment on table control.sign_in_tries is 'tries of the last minutes; older rows are deleted'")
    op.execute(
        "comment on column control.sign_in_tries.account is "
        "'keyed hash of what was entered as the name, because people enter passwords there'"
    )
    op.execute("comment on column control.sign_in_tries.source is 'the address, or a browser that signed in before'")
    op.execute("comment on column control.sign_in_tries.is_known is 'whether it is such a browser'")
    op.execute("create index on control.sign_in_tries (account)")
    op.execute("create index on control.sign_in_tries (source)")
    op.execute("create index on control.sign_in_tries (at)")
