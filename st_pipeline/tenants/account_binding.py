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
        TenantBound: the key was another account's before, whose data is still stored under it.
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
            f"tenant {tenant.key}: the {environment} account {tenant_id} is registered as {holder[0]} already; "
            "one account is one tenant, or its records would count twice"
        )
    former = connection.execute(
        "select from control.removed_tenants where key = %s and (environment, tenant_id) <> (%s, %s)",
        [tenant.key, environment, tenant_id],
    ).fetchone()
    if former is not None:
        raise TenantBound(
            f"key {tenant.key} belonged to another ServiceTitan account, whose data is still stored under it; "
            "register this account under another key"
        )
