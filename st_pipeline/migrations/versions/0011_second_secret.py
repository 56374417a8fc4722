"""Two client secrets per tenant at the same time, so that one can replace the other (package ``tenants``)."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table control.credentials
            add column secret_added_at timestamptz not null default now(),
            add column secret_worked_at timestamptz,
            add column secret_refused_at timestamptz,
            add column older_secret text,
            add column older_added_at timestamptz,
            add column older_worked_at timestamptz,
            add column older_refused_at timestamptz,
            add check ((older_secret is null) = (older_added_at is null))
    """)
    op.execute("""
        update control.credentials c set
            secret_added_at = c.created_at,
            secret_worked_at = case when t.status = 'connected' then t.connected_at end
        from control.tenants t where t.key = c.tenant
    """)
    op.execute("comment on column control.credentials.client_secret is 'encrypted; the newest, which is tried first'")
    op.execute("""
        comment on column control.credentials.older_secret is
            'encrypted; the one before, for as long as it is kept: signs in where the newest is refused'
    """)
    op.execute("comment on column control.credentials.secret_worked_at is 'the last check that signed in with it'")
    op.execute("""
        comment on column control.credentials.secret_refused_at is
            'the last check that was refused with it; null once it works'
    """)
