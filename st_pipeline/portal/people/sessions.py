"""Sessions on the server: who is behind a cookie, from signing in to the end. Rows of ``control.sessions``.

Only a hash of the id is stored: who reads the table cannot sign in with it. How the id travels is cookies.py.
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
"""So seldom a row is written for being used."""


@dataclass(frozen=True, slots=True)
class Session:
    """One that holds now."""

    id_hash: bytes
    actor: Actor
    notices: tuple[str, ...]
    """What is to be said on the next page."""

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
    """The id of a new session, of a user or by an invitation; the one ``instead_of`` which it is ends.

    Always a new id: one that somebody put into a browser before is worth nothing after.
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
    """The session of this id; None where it ended, was idle for IDLE, or its account or invitation is taken away.

    ``is_used``: somebody did something, which a page that asks by itself is not.
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
    """Nothing happens when it ended before."""
    connection.execute("delete from control.sessions where id_hash = %s", (_hash(session_id),))


def add_notice(connection: psycopg.Connection[Any], session: Session, notice: str) -> None:
    """Have this said on the session's next page."""
    connection.execute(
        "update control.sessions set notices = notices || %s where id_hash = %s", ([notice], session.id_hash)
    )


def forget_notices(connection: psycopg.Connection[Any], session: Session) -> None:
    """They have been said."""
    connection.execute(
        "update control.sessions set notices = notices[%s:] where id_hash = %s",
        (len(session.notices) + 1, session.id_hash),
    )


def _ends(now: datetime) -> tuple[datetime, datetime]:
    """Sessions last used, or begun, before these are over."""
    return now - IDLE, now - LONGEST


def _hash(session_id: str) -> bytes:
    # Ids are random, of 256 bits: nothing slow is needed against guessing.
    return hashlib.sha256(session_id.encode()).digest()
