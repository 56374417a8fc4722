"""People with an account: name, role and the argon2 hash of a password, in ``control.users``.

Sessions are sessions.py, who may do what roles.py. No password is kept, logged or part of an error.
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

# NIST SP 800-63B: length, not composition; long ones must be possible.
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
LONGEST_NAME = 100
ROLES = (Role.OPERATOR, Role.VIEWER)

_NAME = re.compile(rf"[a-z0-9][a-z0-9._@+-]{{0,{LONGEST_NAME - 1}}}")


class AccountError(Exception):
    """An account cannot be made or changed as asked; the message says what to give instead."""


@dataclass(frozen=True, slots=True)
class User:
    """An account; instants are aware."""

    id: int
    name: str
    role: Role
    enabled: bool
    has_password: bool
    created_at: datetime
    signed_in_at: datetime | None
    oidc_issuer: str | None = None
    """The provider where the account is bound to somebody (bindings.py)."""


def valid_name(name: str) -> str:
    """A user name in the form it is kept in: lower case, like ``ann`` or ``ann@example.com``. Raises AccountError."""
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"a user name must be 1 to {LONGEST_NAME} characters (a-z, 0-9, and . _ @ + -) and start with a letter or "
            "digit; an email address works"
        )
    return name


def valid_password(password: Secret) -> Secret:
    """Raises AccountError when it is too short or too long, without repeating it."""
    if not SHORTEST_PASSWORD <= len(password.reveal()) <= LONGEST_PASSWORD:
        raise AccountError(f"a password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; choose another")
    return password


def add(connection: psycopg.Connection[Any], name: str, role: Role, password: Secret | None, now: datetime) -> User:
    """A new account. Without a password it can only sign in through OpenID Connect.

    Raises:
        AccountError: the name is taken or of another form, the password too short, or the role is a client's.
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
    """Raises AccountError when there is none of this name."""
    name = valid_name(name)
    found = [user for user in read_all(connection) if user.name == name]
    if not found:
        raise AccountError(f"user {name} does not exist; list the users with st-pipeline users list")
    return found[0]


def read_all(connection: psycopg.Connection[Any]) -> list[User]:
    """All accounts by name, the disabled ones too."""
    with connection.cursor(row_factory=kwargs_row(_user)) as cursor:
        return cursor.execute(
            """
            select id, name, role, enabled, password_hash is not null as has_password, created_at, signed_in_at,
                oidc_issuer
            from control.users order by name
            """
        ).fetchall()


def is_empty(connection: psycopg.Connection[Any]) -> bool:
    """Whether nobody can sign in yet."""
    return connection.execute("select from control.users where enabled limit 1").fetchone() is None


def find_name(connection: psycopg.Connection[Any], name: str) -> str | None:
    """The name as it is kept, if there is such an account."""
    row = connection.execute("select name from control.users where name = %s", (name.strip().lower(),)).fetchone()
    return row[0] if row else None


def disable(connection: psycopg.Connection[Any], user: User, now: datetime) -> None:
    """Sign in no more; every session of the account ends."""
    with connection.transaction():
        connection.execute("update control.users set enabled = false, changed_at = %s where id = %s", (now, user.id))
        connection.execute("delete from control.sessions where user_id = %s", (user.id,))


def enable(connection: psycopg.Connection[Any], user: User, now: datetime) -> None:
    """Sign in again, in the ways there were before."""
    connection.execute("update control.users set enabled = true, changed_at = %s where id = %s", (now, user.id))


def set_password(connection: psycopg.Connection[Any], user_id: int, password: Secret, now: datetime) -> None:
    """Another password, and the account enabled; every session of it ends. Raises AccountError."""
    hashed = _hasher().hash(valid_password(password).reveal())
    with connection.transaction():
        connection.execute(
            "update control.users set password_hash = %s, enabled = true, changed_at = %s where id = %s",
            (hashed, now, user_id),
        )
        connection.execute("delete from control.sessions where user_id = %s", (user_id,))


def verify(connection: psycopg.Connection[Any], name: str, password: Secret) -> int | None:
    """The id of the enabled account with this name and password; None otherwise, and as late.

    A name that is not there takes as long as a wrong password, so that nobody can ask who has an account.
    """
    row = connection.execute(
        "select id, password_hash from control.users where name = %s and enabled", (name.strip().lower(),)
    ).fetchone()
    user_id, hashed = row or (None, None)
    # Longer ones were never accepted; hashing a megabyte is work for nothing.
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
    return _hasher().hash("nobody has this")


def _user(*, role: str, **columns: Any) -> User:
    return User(role=Role(role), **columns)
