"""Binds a tenant to its ServiceTitan account: once it has connected, the account can no longer change.

Its data is stored as that account's. registry.py writes the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from st_pipeline.tenants.errors import TenantBound, TenantExists
from st_pipeline.tenants.model import Tenant

BOUND = ("environment", "tenant_id")


def require_unbound(tenant: Tenant, changes: Mapping[str, Any]) -> None:
    """Raises TenantBound if the changes would move a tenant that has connected to another account."""
    if tenant.connected_at and any(name in changes and changes[name] != getattr(tenant, name) for name in BOUND):
        raise TenantBound(
            f"tenant {tenant.key} has connected to the {tenant.environment} account {tenant.tenant_id}, so its account "
            "can no longer change; register the other account as a new tenant: "
            "st-pipeline tenants add KEY --tenant-id N --environment E --client-id ID"
        )


def require_free(connection: psycopg.Connection[Any], tenant: Tenant, changed: Mapping[str, Any]) -> None:
    """Check that the tenant may have the account in ``changed``.

    Raises:
        TenantExists: another tenant has that account.
        TenantBound: see ``require_own_past``.
    """
    if changed.keys().isdisjoint(BOUND):
        return
    environment = changed.get("environment", tenant.environment)
    tenant_id = changed.get("tenant_id", tenant.tenant_id)
    holder = connection.execute(
        "select key from control.tenants where environment = %s and tenant_id = %s and key <> %s",
        [environment, tenant_id, tenant.key],
    ).fetchone()
    if holder:
        raise TenantExists(
            f"the {environment} account {tenant_id} is already registered as {holder[0]}; use that one, because "
            "adding it twice would count its records twice",
            tenant.key,
        )
    require_own_past(connection, tenant.key, environment, tenant_id)


def require_own_past(connection: psycopg.Connection[Any], key: str, environment: str, tenant_id: int) -> None:
    """Check that the data of a removed tenant, which is kept, doesn't get a new key or a new account.

    Raises:
        TenantBound: the key belonged to another account, or this account's data is stored under another key.
    """
    accounts = connection.execute(
        "select environment = %s and tenant_id = %s from control.removed_tenants where key = %s",
        [environment, tenant_id, key],
    ).fetchone()
    if accounts == (False,):
        raise TenantBound(
            f"the key {key} belonged to another ServiceTitan account, whose data is still stored under it; "
            "choose another key"
        )
    former = connection.execute(
        "select key from control.removed_tenants where environment = %s and tenant_id = %s order by key limit 1",
        [environment, tenant_id],
    ).fetchone()
    if former and accounts is None:
        raise TenantBound(
            f"the {environment} account {tenant_id} was registered as {former[0]} before, and its data is still stored "
            f"under that key; register it with the key {former[0]}, or its records would count twice"
        )
