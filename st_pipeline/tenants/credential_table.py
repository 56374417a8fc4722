"""The rows of ``control.credentials``: one a tenant, its secrets encrypted by the vault.

A tenant has one client secret, or for a while two: the newest, and the older one that it is to replace. What becomes
of them is decided in registry.py.

Functions over a connection, each part of the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from st_pipeline.secret import Secret
from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.vault import Vault

# Column -> what it was encrypted for. Both secrets are the tenant's client secrets: one may take the other's place
# without being opened.
_ENCRYPTED = {"client_secret": "client_secret", "older_secret": "client_secret", "app_key": "app_key"}


@dataclass(frozen=True, slots=True)
class SecretOutline:
    """What may be told of a client secret; instants are aware, and those of checks."""

    added_at: datetime
    worked_at: datetime | None = None
    """The last time it signed in."""
    refused_at: datetime | None = None
    """The last time it was refused; None once it works."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What may be told of credentials without opening them; the client id only in part, see ``masked``."""

    client_id: str
    has_own_app_key: bool
    newest: SecretOutline
    older: SecretOutline | None = None


def insert(connection: psycopg.Connection[Any], vault: Vault, tenant: str, own: OwnCredentials) -> None:
    """The credentials of a tenant that has none."""
    connection.execute(
        """
        insert into control.credentials (tenant, client_id, client_secret, app_key, app_id)
        values (%s, %s, %s, %s, %s)
        """,
        [
            tenant,
            own.client_id,
            vault.encrypt(own.client_secret, _purpose(tenant, "client_secret")),
            vault.encrypt(own.app_key, _purpose(tenant, "app_key")) if own.app_key else None,
            own.app_id,
        ],
    )


def replace(connection: psycopg.Connection[Any], vault: Vault, tenant: str, parts: NewParts) -> None:
    """Put new parts in the place of old ones. Nothing old is opened, so this works when its key is lost, too."""
    changed: dict[str, Any] = {}
    if parts.client_id:
        changed["client_id"] = parts.client_id
    if parts.client_secret:
        # Who enters it anew means this one alone.
        changed["client_secret"] = vault.encrypt(parts.client_secret, _purpose(tenant, "client_secret"))
        changed |= dict.fromkeys(("older_secret", "older_added_at", "older_worked_at", "older_refused_at"))
        changed |= dict.fromkeys(("secret_worked_at", "secret_refused_at"))
    if parts.app_key or parts.drops_app_key:
        changed["app_key"] = vault.encrypt(parts.app_key, _purpose(tenant, "app_key")) if parts.app_key else None
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changed
    ]
    if parts.client_secret:
        assignments.append(sql.SQL("secret_added_at = now()"))
    query = sql.SQL("update control.credentials set {}, created_at = now() where tenant = {}").format(
        sql.SQL(", ").join(assignments), sql.Placeholder("tenant")
    )
    connection.execute(query, {**changed, "tenant": tenant})


def add_secret(connection: psycopg.Connection[Any], vault: Vault, tenant: str, secret: Secret) -> bool:
    """A newer client secret beside the one there is, which is not opened; False where there are two already, or none.

    The age of the credentials is the newest's.
    """
    added = connection.execute(
        """
        update control.credentials set
            older_secret = client_secret, older_added_at = secret_added_at, older_worked_at = secret_worked_at,
            older_refused_at = secret_refused_at,
            client_secret = %s, secret_added_at = clock_timestamp(), secret_worked_at = null, secret_refused_at = null,
            created_at = clock_timestamp()
        where tenant = %s and older_secret is null
        """,
        [vault.encrypt(secret, _purpose(tenant, "client_secret")), tenant],
    )
    return added.rowcount == 1


def revoke_secret(connection: psycopg.Connection[Any], tenant: str, added_at: datetime) -> bool:
    """Delete the client secret that was added at ``added_at``; False where there is no such one.

    The other one stays. Without another the tenant has no credentials any more.
    """
    statements = (
        "update control.credentials set older_secret = null, older_added_at = null, older_worked_at = null, "
        "older_refused_at = null where tenant = %s and older_added_at = %s",
        "update control.credentials set client_secret = older_secret, secret_added_at = older_added_at, "
        "secret_worked_at = older_worked_at, secret_refused_at = older_refused_at, created_at = older_added_at, "
        "older_secret = null, older_added_at = null, older_worked_at = null, older_refused_at = null "
        "where tenant = %s and secret_added_at = %s and older_secret is not null",
        "delete from control.credentials where tenant = %s and secret_added_at = %s and older_secret is null",
    )
    return any(connection.execute(sql.SQL(one), [tenant, added_at]).rowcount for one in statements)


def record_secret_use(
    connection: psycopg.Connection[Any], tenant: str, added_at: datetime, at: datetime, *, worked: bool
) -> None:
    """A check signed in, or was refused, with the secret that was added at ``added_at``, if it is still there."""
    for column, prefix in (("secret_added_at", "secret"), ("older_added_at", "older")):
        connection.execute(
            sql.SQL(
                "update control.credentials set {worked_at} = coalesce(%s, {worked_at}), {refused_at} = %s "
                "where tenant = %s and {column} = %s"
            ).format(
                worked_at=sql.Identifier(f"{prefix}_worked_at"),
                refused_at=sql.Identifier(f"{prefix}_refused_at"),
                column=sql.Identifier(column),
            ),
            [at if worked else None, None if worked else at, tenant, added_at],
        )


def read(connection: psycopg.Connection[Any], vault: Vault, tenant: str) -> OwnCredentials | None:
    """The tenant's credentials, decrypted; None where it has none. Raises VaultLocked."""
    row = _row(connection, tenant)
    if row is None:
        return None
    return OwnCredentials(
        client_id=row["client_id"],
        client_secret=vault.decrypt(row["client_secret"], _purpose(tenant, "client_secret")),
        app_key=vault.decrypt(row["app_key"], _purpose(tenant, "app_key")) if row["app_key"] else None,
        app_id=row["app_id"],
        older_secret=vault.decrypt(row["older_secret"], _purpose(tenant, "client_secret"))
        if row["older_secret"]
        else None,
    )


def outline(connection: psycopg.Connection[Any], tenant: str) -> Outline | None:
    """What there is, nothing opened; None where the tenant has no credentials."""
    row = _row(connection, tenant)
    if row is None:
        return None
    newest = SecretOutline(row["secret_added_at"], row["secret_worked_at"], row["secret_refused_at"])
    older = None
    if row["older_secret"] is not None:
        older = SecretOutline(row["older_added_at"], row["older_worked_at"], row["older_refused_at"])
    return Outline(row["client_id"], row["app_key"] is not None, newest, older)


def renew(connection: psycopg.Connection[Any], vault: Vault) -> int:
    """Encrypt every secret anew with the newest key; of how many tenants.

    Raises:
        VaultLocked: one of them opens with no key.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("select * from control.credentials order by tenant for update").fetchall()
        for row in rows:
            renewed = {
                column: vault.renew(row[column], _purpose(row["tenant"], part)) if row[column] else None
                for column, part in _ENCRYPTED.items()
            }
            cursor.execute(
                "update control.credentials set client_secret = %(client_secret)s, older_secret = %(older_secret)s, "
                "app_key = %(app_key)s where tenant = %(tenant)s",
                {**renewed, "tenant": row["tenant"]},
            )
    return len(rows)


def _row(connection: psycopg.Connection[Any], tenant: str) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from control.credentials where tenant = %s", [tenant]).fetchone()


def _purpose(tenant: str, part: str) -> str:
    return f"tenant {tenant}, {part}"
