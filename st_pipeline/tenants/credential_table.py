"""The rows of ``control.credentials``: one per tenant, with its secrets encrypted by the vault.

A tenant has one client secret or, during a rotation, two: the newest, and the older one that it replaces. registry.py
decides when each is added or revoked.

All functions run on the caller's connection, in its transaction.
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

# Column -> the purpose it was encrypted for. Both secrets have the same purpose, so one can move to the other's column
# without being decrypted.
_ENCRYPTED = {"client_secret": "client_secret", "older_secret": "client_secret", "app_key": "app_key"}


@dataclass(frozen=True, slots=True)
class SecretOutline:
    """What may be shown of a client secret. Instants have a time zone; the last two are times of checks."""

    added_at: datetime
    worked_at: datetime | None = None
    """The last time it signed in."""
    refused_at: datetime | None = None
    """The last time it was refused; None once it works."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What may be shown of credentials without decrypting them. Show the client id only through ``masked``."""

    client_id: str
    has_own_app_key: bool
    newest: SecretOutline
    older: SecretOutline | None = None


def insert(connection: psycopg.Connection[Any], vault: Vault, tenant: str, own: OwnCredentials) -> None:
    """Store credentials for a tenant that has none."""
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
    """Replace parts of the credentials. The old ones are not decrypted, so this works even if their key is lost."""
    changed: dict[str, Any] = {}
    if parts.client_id:
        changed["client_id"] = parts.client_id
    if parts.client_secret:
        # A newly entered secret replaces both old ones.
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
    """Add a newer client secret beside the current one, which isn't decrypted; False if there are already two, or none.

    The credentials' age is that of the newest secret.
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
    """Delete the client secret that was added at ``added_at``; False if there is none.

    The other one stays. If there is no other, the tenant then has no credentials.
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
    """Record whether a check could sign in with the secret that was added at ``added_at``, if it still exists."""
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
    """The tenant's credentials, decrypted; None if it has none. Raises VaultLocked."""
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
    """The outline of the tenant's credentials, without decrypting them; None if it has none."""
    row = _row(connection, tenant)
    if row is None:
        return None
    newest = SecretOutline(row["secret_added_at"], row["secret_worked_at"], row["secret_refused_at"])
    older = None
    if row["older_secret"] is not None:
        older = SecretOutline(row["older_added_at"], row["older_worked_at"], row["older_refused_at"])
    return Outline(row["client_id"], row["app_key"] is not None, newest, older)


def renew(connection: psycopg.Connection[Any], vault: Vault) -> int:
    """Re-encrypt every secret with the newest key. Returns the number of tenants.

    Raises:
        VaultLocked: no key decrypts one of them.
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
