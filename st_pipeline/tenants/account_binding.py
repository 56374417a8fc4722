"""Which ServiceTitan account a tenant is bound to: for good once it was connected, as its data is stored as that one's.

Rows are written by registry.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from st_pipeline.tenants.errors import TenantBound, TenantExists
from st_pipeline.tenants.model import Tenant

BOUND = ("environment", "tenant_id")


def require_unbound(tenant: Tenant, changes: Mapping[str, Any]) -> None:
    """Raises TenantBound where the changes would move a tenant that was connected to another account."""
    if tenant.connected_at and any(name in changes and changes[name] != getattr(tenant, name) for name in BOUND):
        raise TenantBound(
            f"tenant {tenant.key} is bound to the {tenant.environment} account {tenant.tenant_id}, and its data is "
            "stored as that account's; register the other one as a second tenant: "
            "st-pipeline tenants add KEY --tenant-id N --environment E --client-id ID"
        )


def require_free(connection: psycopg.Connection[Any], tenant: Tenant, changed: Mapping[str, Any]) -> None:
    """That the account which the tenant is to be may be its own.

    Raises:
        TenantExists: another tenant is that account.
        TenantBound: as ``require_own_past`` says.
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
            f"the {environment} account {tenant_id} is already registered as {holder[0]}; one account is one tenant, "
            "or its records would count twice",
            tenant.key,
        )
    require_own_past(connection, tenant.key, environment, tenant_id)


def require_own_past(connection: psycopg.Connection[Any], key: str, environment: str, tenant_id: int) -> None:
    """That neither the key nor the account belongs together with another one's data: a removed tenant's stays.

    Raises:
        TenantBound: the key was another account's, or this account's data is stored under another key.
    """
    accounts = connection.execute(
        "select environment = %s and tenant_id = %s from control.removed_tenants where key = %s",
        [environment, tenant_id, key],
    ).fetchone()
    if accounts == (False,):
        raise TenantBound(
            f"key {key} belonged to another ServiceTitan account, whose data is still stored under it; "
            "register this account under another key"
        )
    former = connection.execute(
        "select key from control.removed_tenants where environment = %s and tenant_id = %s order by key limit 1",
        [environment, tenant_id],
    ).fetchone()
    if former and accounts is None:
        raise TenantBound(
            f"the {environment} account {tenant_id} was registered as {former[0]} before, and its data is still stored "
            f"under that key, where it would count twice; register it with the key {former[0]}"
        )
