"""Which account belongs to whom at the OpenID Connect provider."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table control.users
            add column oidc_issuer text,
            add column oidc_subject text,
            add unique (oidc_issuer, oidc_subject),
            add check ((oidc_issuer is null) = (oidc_subject is null))
    """)
    op.execute(
        "comment on column control.users.oidc_subject is "
        "'who this is at oidc_issuer, since the first sign-in through it; null: not yet'"
    )
