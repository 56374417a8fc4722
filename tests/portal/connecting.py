"""A portal before a sandbox with two accounts, and what searches everything that is written for secrets."""

from __future__ import annotations

from dataclasses import replace

import psycopg
from psycopg import sql

from st_pipeline.portal.people import accounts
from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.model import Status, Tenant, new_tenant
from st_pipeline.tenants.registry import Registry
from tests.portal.browser import Browser

SECRET = "cs1.canary-portal-secret-1a9c"
SECOND = "cs1.canary-portal-second-77de"
MISTYPED = "cs1.canary-portal-mistyped-0b3f"
APP_KEY = "ak1.canary-portal-app-key-c4d1"
CANARIES = (SECRET, SECOND, MISTYPED, APP_KEY)
FEW_SCOPES = frozenset({"tn.crm.customers:r", "tn.acc.invoices:r", "tn.stt.businessunits:r"})

KEYS_OF_ACME = {"tenant_id": "7001", "environment": "sandbox", "client_id": "cid.portal7001", "client_secret": SECRET}


def account(tenant_id: int, *, connected: bool = True, scopes: frozenset[str] | None = None) -> Account:
    size = Size(customers=5, invoices=5)
    return Account(tenant_id, f"cid.portal{tenant_id}", SECRET, APP_KEY, size=size, connected=connected, scopes=scopes)


def set_secret(sandbox: Sandbox, tenant_id: int, secret: str) -> None:
    """From now on ServiceTitan accepts this client secret alone."""
    held = sandbox._state.gate.accounts  # pyright: ignore[reportPrivateUsage]
    held[tenant_id] = replace(held[tenant_id], client_secret=secret)


def before(settings: Settings, sandbox: Sandbox) -> Settings:
    """The settings of a portal before this sandbox, with an app key for all tenants."""
    shared = replace(settings.servicetitan, app_key=Secret(APP_KEY))
    return replace(settings, sandbox_url=sandbox.url, servicetitan=shared)


def start_over(control: psycopg.Connection, sandbox: Sandbox, settings: Settings) -> Registry:
    """Tenants acme, bolt and cole with the accounts 7001 to 7003, nothing entered; a user for each role."""
    control.execute("truncate control.tenants, control.users cascade")
    for role in accounts.ROLES:
        control.execute(
            "insert into control.users (name, role, created_at, changed_at) values (%s, %s, now(), now())",
            (role.value, role.value),
        )
    sandbox.faults = Faults()
    set_secret(sandbox, 7001, SECRET)
    registry = Registry.of(control, settings)
    for number, key in enumerate(("acme", "bolt", "cole"), 7001):
        registry.add(new_tenant(key=key, tenant_id=number, environment="sandbox", timezone="America/Chicago"), None)
    return registry


def connected(registry: Registry, browser: Browser) -> Tenant:
    """Acme, after its keys were entered."""
    browser.post("/tenants/acme/connect", KEYS_OF_ACME)
    tenant = registry.get("acme")
    assert tenant.status is Status.CONNECTED
    return tenant


def everything(control: psycopg.Connection) -> str:
    """All rows of all tables of schema control, encrypted columns among them."""
    tables = control.execute("select tablename from pg_tables where schemaname = 'control'").fetchall()
    rows = [
        control.execute(sql.SQL("select t::text from control.{} t").format(sql.Identifier(name))).fetchall()
        for (name,) in tables
    ]
    return str(rows)
