"""Sessions on the server: who a cookie belongs to. Rows of ``control.sessions``.

Only a hash of the id is stored, so reading the table is not enough to sign in. cookies.py transports the id.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from st_pipeline.portal.people.roles import Actor, Role

IDLE = timedelta(hours=8)
LONGEST = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)
"""How often the last use is written to the row, at most."""


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session."""

    id_hash: bytes
    actor: Actor
    notices: tuple[str, ...]
    """Notices to show on the next page."""

    def __repr__(self) -> str:
        return f"Session({self.actor.name})"


def start(
    connection: psycopg.Connection[Any],
    now: datetime,
    *,
    user_id: int | None = None,
    invitation_id: int | None = None,
    instead_of: str | None = None,
    notices: Sequence[str] = (),
) -> str:
    """Start a session for a user or an invitation, and end the one that it replaces (``instead_of``). Returns its id.

    The id is always new, so an id that someone planted in the browser before is worthless.
    """
    session_id = secrets.token_urlsafe(32)
    with connection.transaction():
        if instead_of:
            end(connection, instead_of)
        connection.execute("delete from control.sessions where seen_at < %s or started_at < %s", _ends(now))
        connection.execute(
            """
            insert into control.sessions (id_hash, user_id, invitation_id, started_at, seen_at, notices)
            values (%s, %s, %s, %s, %s, %s)
            """,
            (_hash(session_id), user_id, invitation_id, now, now, list(notices)),
        )
        if user_id is not None:
            connection.execute("update control.users set signed_in_at = %s where id = %s", (now, user_id))
    return session_id


def read(
    connection: psycopg.Connection[Any], session_id: str, now: datetime, *, is_used: bool = True
) -> Session | None:
    """The session with this id; None if it ended, was idle for IDLE, or its account or invitation was disabled.

    ``is_used``: a person did something; automatic reloads of a page don't count.
    """
    row = connection.execute(
        """
        select s.id_hash, s.seen_at, s.notices, u.id, u.name, u.role, i.id, i.tenant
        from control.sessions s
        left join control.users u on u.id = s.user_id and u.enabled
        left join control.invitations i on i.id = s.invitation_id and i.revoked_at is null
        where s.id_hash = %s and s.seen_at >= %s and s.started_at >= %s
        """,
        (_hash(session_id), *_ends(now)),
    ).fetchone()
    if row is None:
        return None
    id_hash, seen_at, notices, user_id, name, role, invitation_id, tenant = row
    if user_id is not None:
        actor = Actor(name, Role(role), user_id=user_id)
    elif invitation_id is not None:
        actor = Actor(f"client of {tenant}", Role.CLIENT, invitation_id=invitation_id, tenant=tenant)
    else:
        return None
    if is_used and now - seen_at >= SEEN_EVERY:
        connection.execute("update control.sessions set seen_at = %s where id_hash = %s", (now, id_hash))
    return Session(bytes(id_hash), actor, tuple(notices))


def end(connection: psycopg.Connection[Any], session_id: str) -> None:
    """End the session; does nothing if it has already ended."""
    connection.execute("delete from control.sessions where id_hash = %s", (_hash(session_id),))


def add_notice(connection: psycopg.Connection[Any], session: Session, notice: str) -> None:
    """Show this notice on the session's next page."""
    connection.execute(
        "update control.sessions set notices = notices || %s where id_hash = %s", ([notice], session.id_hash)
    )


def forget_notices(connection: psycopg.Connection[Any], session: Session) -> None:
    """Clear the notices, because they have been shown."""
    connection.execute(
        "update control.sessions set notices = notices[%s:] where id_hash = %s",
        (len(session.notices) + 1, session.id_hash),
    )


def _ends(now: datetime) -> tuple[datetime, datetime]:
    """Sessions last used, or started, before these times are over."""
    return now - IDLE, now - LONGEST


def _hash(session_id: str) -> bytes:
    # Ids are 256 random bits, so a fast hash is safe against guessing.
    return hashlib.sha256(session_id.encode()).digest()
