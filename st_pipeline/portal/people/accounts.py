"""People with an account: name, role and the argon2 hash of a password, in ``control.users``.

sessions.py has sessions, roles.py permissions. No password is stored, logged or part of an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.rows import kwargs_row

from st_pipeline.portal.people.roles import Role
from st_pipeline.secret import Secret

# NIST SP 800-63B: require length, not composition, and allow long passwords.
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
LONGEST_NAME = 100
ROLES = (Role.OPERATOR, Role.VIEWER)

_NAME = re.compile(rf"[a-z0-9][a-z0-9._@+-]{{0,{LONGEST_NAME - 1}}}")


class AccountError(Exception):
    """An account cannot be created or changed as requested; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class User:
    """An account; instants have a time zone."""

    id: int
    name: str
    role: Role
    enabled: bool
    has_password: bool
    created_at: datetime
    signed_in_at: datetime | None
    oidc_issuer: str | None = None
    """The provider where the account is bound to a person (bindings.py)."""


def valid_name(name: str) -> str:
    """A user name in its stored form: lower case, like ``ann`` or ``ann@example.com``. Raises AccountError."""
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"a user name must be 1 to {LONGEST_NAME} characters (a-z, 0-9, and . _ @ + -) and start with a letter or "
            "digit; an email address works"
        )
    return name


def valid_password(password: Secret) -> Secret:
    """The password. Raises AccountError if it is too short or too long, without repeating it."""
    if not SHORTEST_PASSWORD <= len(password.reveal()) <= LONGEST_PASSWORD:
        raise AccountError(f"a password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; choose another")
    return password


def add(connection: psycopg.Connection[Any], name: str, role: Role, password: Secret | None, now: datetime) -> User:
    """Create an account. Without a password it can only sign in through OpenID Connect.

    Raises:
        AccountError: the name is taken or invalid, the password too short, or the role is a client's.
    """
    name = valid_name(name)
    if role not in ROLES:
        raise AccountError("an account must be an operator or a viewer; clients sign in with an invitation")
    hashed = _hasher().hash(valid_password(password).reveal()) if password is not None else None
    row = connection.execute(
        """
        insert into control.users (name, role, password_hash, created_at, changed_at) values (%s, %s, %s, %s, %s)
        on conflict (name) do nothing returning id
        """,
        (name, role.value, hashed, now, now),
    ).fetchone()
    if row is None:
        raise AccountError(f"user {name} already exists; change the password with st-pipeline users password {name}")
    return User(row[0], name, role, True, hashed is not None, now, None)


def find(connection: psycopg.Connection[Any], name: str) -> User:
    """The account with this name. Raises AccountError if there is none."""
    name = valid_name(name)
    found = [user for user in read_all(connection) if user.name == name]
    if not found:
        raise AccountError(f"user {name} does not exist; list the users with st-pipeline users list")
    return found[0]


def read_all(connection: psycopg.Connection[Any]) -> list[User]:
    """All accounts by name, including disabled ones."""
    with connection.cursor(row_factory=kwargs_row(_user)) as cursor:
        return cursor.execute(
            """
            select id, name, role, enabled, password_hash is not null as has_password, created_at, signed_in_at,
                oidc_issuer
            from control.users order by name
            """
        ).fetchall()


def is_empty(connection: psycopg.Connection[Any]) -> bool:
    """Whether there are no accounts yet."""
    return connection.execute("select from control.users where enabled limit 1").fetchone() is None


def find_name(connection: psycopg.Connection[Any], name: str) -> str | None:
    """The name in its stored form, if there is such an account."""
    row = connection.execute("select name from control.users where name = %s", (name.strip().lower(),)).fetchone()
    return row[0] if row else None


def disable(connection: psycopg.Connection[Any], user: User, now: datetime) -> None:
    """Block the account from signing in, and end its sessions."""
    with connection.transaction():
        connection.execute("update control.users set enabled = false, changed_at = %s where id = %s", (now, user.id))
        connection.execute("delete from control.sessions where user_id = %s", (user.id,))


def enable(connection: psycopg.Connection[Any], user: User, now: datetime) -> None:
    """Let the account sign in again as before."""
    connection.execute("update control.users set enabled = true, changed_at = %s where id = %s", (now, user.id))


def set_password(connection: psycopg.Connection[Any], user_id: int, password: Secret, now: datetime) -> None:
    """Set a new password, enable the account, and end its sessions. Raises AccountError."""
    hashed = _hasher().hash(valid_password(password).reveal())
    with connection.transaction():
        connection.execute(
            "update control.users set password_hash = %s, enabled = true, changed_at = %s where id = %s",
            (hashed, now, user_id),
        )
        connection.execute("delete from control.sessions where user_id = %s", (user_id,))


def verify(connection: psycopg.Connection[Any], name: str, password: Secret) -> int | None:
    """The id of the enabled account with this name and password, or None.

    An unknown name takes as long as a wrong password, so the timing doesn't reveal who has an account.
    """
    row = connection.execute(
        "select id, password_hash from control.users where name = %s and enabled", (name.strip().lower(),)
    ).fetchone()
    user_id, hashed = row or (None, None)
    # Longer ones were never accepted, so don't hash a megabyte for nothing.
    given = password.reveal()[: LONGEST_PASSWORD + 1]
    if not _verified(hashed or _nobody(), given) or hashed is None:
        return None
    if _hasher().check_needs_rehash(hashed):
        connection.execute(
            "update control.users set password_hash = %s where id = %s", (_hasher().hash(given), user_id)
        )
    return user_id


def _verified(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    """argon2id with the library's parameters, which follow RFC 9106."""
    return PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher().hash("no account has this")


def _user(*, role: str, **columns: Any) -> User:
    return User(role=Role(role), **columns)
