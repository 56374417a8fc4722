"""Who can use the portal (accounts, invitations, sessions) and what they did (audit)."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table control.users (
            id bigint generated always as identity primary key,
            name text not null unique check (name = lower(name) and name <> ''),
            role text not null check (role in ('operator', 'viewer')),
            password_hash text,
            enabled boolean not null default true,
            created_at timestamptz not null,
            changed_at timestamptz not null,
            signed_in_at timestamptz
        )
    """)
    op.execute("comment on column control.users.password_hash is 'argon2; null: signs in elsewhere'")
    op.execute("comment on column control.users.changed_at is 'when password, role or enabled last changed'")
    op.execute("""
        create table control.invitations (
            id bigint generated always as identity primary key,
            tenant text not null references control.tenants (key) on delete cascade,
            token_hash bytea not null unique,
            created_by text not null,
            created_at timestamptz not null,
            expires_at timestamptz not null,
            opened_at timestamptz,
            revoked_at timestamptz,
            revoked_by text
        )
    """)
    op.execute(
        "comment on table control.invitations is 'links for a client of one tenant; only the hash of each is kept'"
    )
    op.execute("comment on column control.invitations.opened_at is 'when it first made a session'")
    op.execute("create index on control.invitations (tenant, id)")
    op.execute("""
        create table control.sessions (
            id_hash bytea primary key,
            user_id bigint references control.users (id) on delete cascade,
            invitation_id bigint references control.invitations (id) on delete cascade,
            started_at timestamptz not null,
            seen_at timestamptz not null,
            notices text[] not null default '{}',
            check ((user_id is null) <> (invitation_id is null))
        )
    """)
    op.execute("comment on column control.sessions.notices is 'what is to be said on the next page'")
    op.execute("create index on control.sessions (user_id)")
    op.execute("create index on control.sessions (invitation_id)")
    op.execute("create index on control.sessions (seen_at)")
    op.execute("""
        create table control.audit (
            id bigint generated always as identity primary key,
            at timestamptz not null,
            actor text not null,
            role text not null,
            address text not null,
            action text not null,
            tenant text,
            detail jsonb not null default '{}'
        )
    """)
    op.execute("comment on table control.audit is 'who did what; rows are never changed or deleted'")
    op.execute("create index on control.audit (at desc, id desc)")
    op.execute("create index on control.audit (tenant, at desc, id desc)")
    op.execute("""
        create function control.refuse_change_of_audit() returns trigger language plpgsql as $$
        begin
            raise exception 'control.audit is kept for good: rows are neither changed nor deleted';
        end
        $$
    """)
    op.execute("""
        create trigger kept_for_good before update or delete or truncate on control.audit
        for each statement execute function control.refuse_change_of_audit()
    """)
