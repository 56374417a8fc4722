"""Invitations: a link that signs a client in to one tenant. Rows of ``control.invitations``.

The token is only in the link; the table has its hash. roles.py says what a client can do.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline.secret import Secret

DURATION = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Invitation:
    """One link, without its token; instants have a time zone."""

    id: int
    tenant: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    revoked_at: datetime | None
    is_connected: bool
    """The tenant has connected since, so the link has served its purpose."""

    def is_usable(self, now: datetime) -> bool:
        """Whether the link still signs someone in."""
        return self.revoked_at is None and now < self.expires_at and not self.is_connected


def invite(
    connection: psycopg.Connection[Any], tenant: str, by: str, now: datetime, *, lasts: timedelta = DURATION
) -> tuple[Invitation, Secret]:
    """Create an invitation. Returns it and its token, which cannot be read again."""
    token = Secret(secrets.token_urlsafe(32))
    row = connection.execute(
        """
        insert into control.invitations (tenant, token_hash, created_by, created_at, expires_at)
        values (%s, %s, %s, %s, %s) returning id
        """,
        (tenant, _hash(token), by, now, now + lasts),
    ).fetchone()
    assert row
    return Invitation(row[0], tenant, by, now, now + lasts, None, None, False), token


def find(connection: psycopg.Connection[Any], token: Secret) -> Invitation | None:
    """The invitation with this token, usable or not; None if there is none."""
    found = _read(connection, b"where i.token_hash = %s", _hash(token))
    return found[0] if found else None


def of_tenant(connection: psycopg.Connection[Any], tenant: str) -> list[Invitation]:
    """All invitations of a tenant, newest first."""
    return _read(connection, b"where i.tenant = %s order by i.id desc", tenant)


def mark_opened(connection: psycopg.Connection[Any], invitation: Invitation, now: datetime) -> None:
    """Record that the link was used; only the first time counts."""
    connection.execute(
        "update control.invitations set opened_at = coalesce(opened_at, %s) where id = %s", (now, invitation.id)
    )


def revoke(connection: psycopg.Connection[Any], tenant: str, invitation_id: int, by: str, now: datetime) -> bool:
    """End an invitation and its sessions; False if the tenant has no such invitation."""
    with connection.transaction():
        row = connection.execute(
            """
            update control.invitations set revoked_at = coalesce(revoked_at, %s), revoked_by = coalesce(revoked_by, %s)
            where id = %s and tenant = %s returning id
            """,
            (now, by, invitation_id, tenant),
        ).fetchone()
        connection.execute("delete from control.sessions where invitation_id = any(%s)", ([row[0]] if row else [],))
    return row is not None


def _read(connection: psycopg.Connection[Any], which: bytes, value: object) -> list[Invitation]:
    query = b"""
        select i.id, i.tenant, i.created_by, i.created_at, i.expires_at, i.opened_at, i.revoked_at,
            t.status = 'connected' and t.status_since > i.created_at as is_connected
        from control.invitations i join control.tenants t on t.key = i.tenant
        """
    with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        return cursor.execute(query + which, (value,)).fetchall()


def _hash(token: Secret) -> bytes:
    return hashlib.sha256(token.reveal().encode()).digest()
