"""A portal before a sandbox with two accounts, and what searches everything that is written for secrets."""

from __future__ import annotations

import psycopg
from psycopg import sql

from st_pipeline.sandbox import Account, Sandbox, Size

SECRET = "cs1.canary-portal-secret-1a9c"
SECOND = "cs1.canary-portal-second-77de"
MISTYPED = "cs1.canary-portal-mistyped-0b3f"
APP_KEY = "ak1.canary-portal-app-key-c4d1"
CANARIES = (SECRET, SECOND, MISTYPED, APP_KEY)
FEW_SCOPES = frozenset({"tn.crm.customers:r", "tn.acc.invoices:r", "tn.stt.businessunits:r"})


def account(tenant_id: int, *, connected: bool = True, scopes: frozenset[str] | None = None) -> Account:
    size = Size(customers=5, invoices=5)
    return Account(tenant_id, f"cid.portal{tenant_id}", SECRET, APP_KEY, size=size, connected=connected, scopes=scopes)


def set_secret(sandbox: Sandbox, tenant_id: int, secret: str) -> None:
    """From now on ServiceTitan accepts this client secret alone."""
    from dataclasses import replace

    accounts = sandbox._state.gate.accounts  # pyright: ignore[reportPrivateUsage]
    accounts[tenant_id] = replace(accounts[tenant_id], client_secret=secret)


def everything(control: psycopg.Connection) -> str:
    """All rows of all tables of schema control, encrypted columns among them."""
    tables = control.execute("select tablename from pg_tables where schemaname = 'control'").fetchall()
    rows = [
        control.execute(sql.SQL("select t::text from control.{} t").format(sql.Identifier(name))).fetchall()
        for (name,) in tables
    ]
    return str(rows)
