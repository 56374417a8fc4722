"""The rows of ``control.tenants``: reads, inserts, updates and removes them, and explains conflicts.

All functions run on the caller's connection, in its transaction. registry.py decides what may change when.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import kwargs_row

from st_pipeline.steps.step import from_plain
from st_pipeline.tenants.account_binding import require_own_past
from st_pipeline.tenants.errors import FieldInvalid, TenantExists, TenantsError, TenantUnknown
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import CheckCause, NewTenant, Status, Tenant

_SELECT = sql.SQL("""
    select key, name, tenant_id, environment, company_code, trade, timezone, cadence, enabled, status, status_detail,
        status_cause, status_steps, status_since, checked_at, connected_at, granted_scopes, created_at, updated_at
    from control.tenants
""")


def read(connection: psycopg.Connection[Any], key: str, *, lock: bool = False) -> Tenant:
    """One tenant; ``lock`` prevents other changes to it until the transaction ends. Raises TenantUnknown."""
    query = _SELECT + sql.SQL("where key = %s") + sql.SQL(" for update" if lock else "")
    with connection.cursor(row_factory=kwargs_row(_tenant)) as cursor:
        tenant = cursor.execute(query, [key]).fetchone()
    if tenant is None:
        keys = [row[0] for row in connection.execute("select key from control.tenants").fetchall()]
        near = difflib.get_close_matches(key, keys, n=3)
        advice = f"did you mean {' or '.join(near)}?" if near else "to see all tenants, run st-pipeline tenants list"
        raise TenantUnknown(f"there is no tenant {key}; {advice}")
    return tenant


def read_all(connection: psycopg.Connection[Any]) -> list[Tenant]:
    """All tenants, sorted by key."""
    with connection.cursor(row_factory=kwargs_row(_tenant)) as cursor:
        return cursor.execute(_SELECT + sql.SQL("order by key")).fetchall()


def insert(connection: psycopg.Connection[Any], tenant: NewTenant) -> Tenant:
    """Insert a tenant with the status ``not_connected``, not checked yet.

    Raises:
        TenantExists: the key or the ServiceTitan account is taken.
        TenantBound: see ``require_own_past``.
        FieldInvalid: Postgres doesn't know the time zone.
    """
    require_known_zone(connection, tenant.key, tenant.timezone)
    added = connection.execute(
        """
        insert into control.tenants
            (key, name, tenant_id, environment, company_code, trade, timezone, cadence)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict do nothing
        """,
        [
            tenant.key,
            tenant.name,
            tenant.tenant_id,
            tenant.environment,
            tenant.company_code,
            tenant.trade,
            tenant.timezone,
            tenant.cadence,
        ],
    )
    if not added.rowcount:
        raise _taken(connection, tenant)
    require_own_past(connection, tenant.key, tenant.environment, tenant.tenant_id)
    return read(connection, tenant.key)


def update(connection: psycopg.Connection[Any], key: str, changed: Mapping[str, Any], *, touch: bool) -> Tenant:
    """Set columns of an existing tenant; ``touch`` sets ``updated_at``."""
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changed
    ]
    if touch:
        assignments.append(sql.SQL("updated_at = now()"))
    query = sql.SQL("update control.tenants set {} where key = {}").format(
        sql.SQL(", ").join(assignments), sql.Placeholder("key")
    )
    connection.execute(query, {**changed, "key": key})
    return read(connection, key)


def remove(connection: psycopg.Connection[Any], tenant: Tenant) -> None:
    """Delete the row and its credentials. If the tenant ever connected, its key stays bound to its account."""
    connection.execute("delete from control.tenants where key = %s", [tenant.key])
    if tenant.connected_at:
        connection.execute(
            """
            insert into control.removed_tenants (key, environment, tenant_id) values (%s, %s, %s)
            on conflict (key) do update set removed_at = excluded.removed_at
            """,
            [tenant.key, tenant.environment, tenant.tenant_id],
        )


def require_known_zone(connection: psycopg.Connection[Any], key: str, zone: str) -> None:
    """Check that Postgres knows the zone: reports convert times in SQL, and its list may be older than Python's.

    Raises:
        FieldInvalid: Postgres doesn't know ``zone``.
    """
    row = connection.execute("select control.knows_zone(%s)", [zone]).fetchone()
    if row is None or not row[0]:
        raise FieldInvalid(
            "timezone",
            f"{zone} is unknown to this Postgres server; update the server's time zone data, or use another zone",
            tenant=key,
        )


def _taken(connection: psycopg.Connection[Any], tenant: NewTenant) -> TenantsError:
    by_key = connection.execute("select 1 from control.tenants where key = %s", [tenant.key]).fetchone()
    if by_key:
        return TenantExists("already exists; choose another key, or change that tenant", tenant.key, is_key=True)
    holder = connection.execute(
        "select key from control.tenants where environment = %s and tenant_id = %s",
        [tenant.environment, tenant.tenant_id],
    ).fetchone()
    name = holder[0] if holder else "another tenant"
    return TenantExists(
        f"the {tenant.environment} account {tenant.tenant_id} is already registered as {name}; use that one, "
        "because adding it twice would count its records twice",
        tenant.key,
    )


def _tenant(**row: Any) -> Tenant:
    row["environment"] = Environment(row["environment"])
    row["status"] = Status(row["status"])
    row["status_cause"] = CheckCause(row["status_cause"])
    row["status_steps"] = from_plain(row["status_steps"])
    row["granted_scopes"] = frozenset(row["granted_scopes"])
    return Tenant(**row)
