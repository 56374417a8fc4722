"""Tenants and their credentials (package ``tenants``)."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create schema if not exists control")
    op.execute("""
        create table control.tenants (
            key text primary key check (key ~ '^[a-z0-9][a-z0-9-]{0,62}$' and key <> 'all'),
            name text not null,
            tenant_id bigint not null check (tenant_id > 0),
            environment text not null check (environment in ('production', 'integration', 'sandbox')),
            company_code text,
            trade text,
            timezone text not null,
            cadence text not null,
            enabled boolean not null default true,
            status text not null default 'not_connected'
                check (status in ('not_connected', 'connected', 'refused', 'unreachable')),
            status_detail text not null,
            status_since timestamptz not null default now(),
            checked_at timestamptz,
            connected_at timestamptz,
            granted_scopes text[] not null default '{}',
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now(),
            unique (environment, tenant_id)
        )
    """)
    op.execute("""
        comment on column control.tenants.updated_at is
            'moves when something that reports depend on changes: company_code, trade, timezone'
    """)
    op.execute("comment on column control.tenants.connected_at is 'the last check that found the tenant connected'")
    op.execute("""
        create table control.credentials (
            tenant text primary key references control.tenants (key) on delete cascade,
            client_id text not null,
            client_secret text not null,
            app_key text,
            app_id text,
            created_at timestamptz not null default now()
        )
    """)
    op.execute("""
        comment on table control.credentials is
            'client_secret and app_key are encrypted; without an app_key of its own a tenant uses the shared one'
    """)
    op.execute("""
        create table control.removed_tenants (
            key text primary key,
            environment text not null,
            tenant_id bigint not null,
            removed_at timestamptz not null default now()
        )
    """)
    op.execute("""
        comment on table control.removed_tenants is
            'whose data is still stored under a key: another account under the same key would mix with it'
    """)
