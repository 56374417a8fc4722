"""The rows of ``control.credentials``: one a tenant, its secrets encrypted by the vault.

Functions over a connection, each part of the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.vault import Vault

_ENCRYPTED = ("client_secret", "app_key")


@dataclass(frozen=True, slots=True)
class Outline:
    """What may be told of credentials without opening them; the client id only in part, see ``masked``."""

    client_id: str
    has_own_app_key: bool


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
        changed["client_secret"] = vault.encrypt(parts.client_secret, _purpose(tenant, "client_secret"))
    if parts.app_key or parts.drops_app_key:
        changed["app_key"] = vault.encrypt(parts.app_key, _purpose(tenant, "app_key")) if parts.app_key else None
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changed]
    query = sql.SQL("update control.credentials set {}, created_at = now() where tenant = {}").format(
        sql.SQL(", ").join(assignments), sql.Placeholder("tenant")
    )
    connection.execute(query, {**changed, "tenant": tenant})


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
    )


def outline(connection: psycopg.Connection[Any], tenant: str) -> Outline | None:
    """What there is, nothing opened; None where the tenant has no credentials."""
    row = _row(connection, tenant)
    return Outline(row["client_id"], has_own_app_key=row["app_key"] is not None) if row else None


def renew(connection: psycopg.Connection[Any], vault: Vault) -> int:
    """Encrypt every secret anew with the newest key; of how many tenants.

    Raises:
        VaultLocked: one of them opens with no key.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("select * from control.credentials order by tenant for update").fetchall()
        for row in rows:
            renewed = {
                part: vault.renew(row[part], _purpose(row["tenant"], part)) if row[part] else None
                for part in _ENCRYPTED
            }
            cursor.execute(
                "update control.credentials set client_secret = %(client_secret)s, app_key = %(app_key)s "
                "where tenant = %(tenant)s",
                {**renewed, "tenant": row["tenant"]},
            )
    return len(rows)


def _row(connection: psycopg.Connection[Any], tenant: str) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from control.credentials where tenant = %s", [tenant]).fetchone()


def _purpose(tenant: str, part: str) -> str:
    return f"tenant {tenant}, {part}"
