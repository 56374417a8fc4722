"""Commands against an imitation of the API that shares nothing with the sandbox: the tables are complete too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import sql

from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from tests.end_to_end.foreign_api import EXPORTS, LISTS, ForeignApi, Record
from tests.end_to_end.home import Home

APP_KEY = "ak1.foreign"
CLIENTS = {"cid.north": ("cs1.north/+=", 77), "cid.south": ("cs1.south", 78)}
CUSTOMERS, INVOICES, JOB_TYPES = 31, 250, 413


def records(tenant: int) -> dict[str, list[Record]]:
    """Records with few fields; both tenants have the same ids."""
    address = {"street": f"{tenant} Main St", "city": "Austin", "state": "TX", "zip": "78701"}
    customers: list[Record] = [
        {"id": n, "name": f"Customer {n} of {tenant}", "address": address} for n in range(1, CUSTOMERS + 1)
    ]
    invoices: list[Record] = [
        {
            "id": n,
            "total": f"{n}.10" if n % 2 else n,
            "customer": {"id": n % CUSTOMERS + 1},
            "locationAddress": address,
            "invoiceDate": "2025-02-03",
            **({"modifiedOn": f"2025-03-01T00:00:{n % 60:02d}Z"} if n % 3 else {}),
        }
        for n in range(1, INVOICES + 1)
    ]
    found: dict[str, list[Record]] = {
        "crm_customers": customers,
        "crm_customer_contacts": [
            {"id": n, "customerId": n, "type": "Phone", "value": "512 555 0100"} for n in range(1, CUSTOMERS + 1)
        ],
        "accounting_invoices": invoices,
        "jpm_job_types": [{"id": n, "name": f"Type {n}"} for n in range(1, JOB_TYPES + 1)],
        "memberships_memberships": [{"id": 1, "customerId": 1, "membershipTypeId": 5, "status": "Active"}],
        "memberships_membership_types": [{"id": 5, "name": "Gold"}],
    }
    # Record counts that fill pages exactly, one more, one less, and none.
    for entity, count in (
        ("crm_locations", 14),
        ("accounting_payments", 226),
        ("jpm_jobs", 114),
        ("jpm_appointments", 0),
    ):
        found[entity] = [{"id": n} for n in range(1, count + 1)]
    for entity in EXPORTS:
        found.setdefault(entity, [{"id": n} for n in range(1, 8)])
    return found


def counts(home: Home) -> dict[tuple[str, str], int]:
    with home.connect() as connection:
        return {
            (tenant, entity): count
            for entity in ASSET_ENTITIES
            for tenant, count in connection.execute(
                sql.SQL("select tenant, count(*) from {} group by tenant").format(sql.Identifier("raw", entity))
            )
        }


def held(api: ForeignApi) -> dict[tuple[str, str], int]:
    names = {77: "north", 78: "south"}
    found = [(names[n], entity, rows) for n, all_of in api.records.items() for entity, rows in all_of.items()]
    return {(tenant, entity): len(rows) for tenant, entity, rows in found if rows}


@pytest.fixture
def home() -> Home:
    return Home.new("foreign", SERVICETITAN_APP_KEY=APP_KEY)


def test_a_sync_of_an_unfamiliar_server_gives_complete_tables(home: Home) -> None:
    with ForeignApi(APP_KEY, CLIENTS) as api:
        assert set(EXPORTS) | set(LISTS) == set(ASSET_ENTITIES)
        api.records = {tenant: records(tenant) for tenant in (77, 78)}
        home.variables["ST_PIPELINE_SANDBOX_URL"] = api.url
        for client, (secret, tenant) in CLIENTS.items():
            added: dict[str, Any] = json.loads(
                home.run(
                    "tenants", "add", client.removeprefix("cid."), "--tenant-id", str(tenant),
                    "--environment", "sandbox", "--client-id", client, "--client-secret-file", "-", "--json",
                    stdin=f"{secret}\n",
                ).out
            )  # fmt: skip
            assert added["status"] == "connected"
        synced = json.loads(home.run("sync", "--all", "--json").out)
        assert synced["succeeded"]
        assert api.refused == {77, 78}
        assert counts(home) == held(api)
        for rows in api.records.values():
            for content in rows.values():
                content.append({"id": 900, "modifiedOn": "2025-06-01T00:00:00.000Z"})
        pipeline = home.pipeline(api.url)
        for tenant in ("north", "south"):
            assert sync_tenant(pipeline, tenant, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES)).failures == []
        assert counts(home) == held(api)


@pytest.mark.acceptance
def test_the_reports_of_an_unfamiliar_server_are_complete(home: Home) -> None:
    test_a_sync_of_an_unfamiliar_server_gives_complete_tables(home)
    assert json.loads(home.run("marts", "--json").out)["succeeded"]
    with home.connect() as connection:
        rows = connection.execute(
            "select tenant, count(*), sum(total), max(first_appointment), max(customer_phone_numbers) "
            "from legacy.invoices_stream group by tenant order by tenant"
        ).fetchall()
        total = sum(n + (0.1 if n % 2 else 0) for n in range(1, INVOICES + 1))
        assert [(t, n, round(s, 2), first, phones) for t, n, s, first, phones in rows] == [
            (tenant, INVOICES, round(total, 2), "2025-02-03 00:00:00", "(512) 555-0100")
            for tenant in ("north", "south")
        ]
        members = connection.execute(
            "select tenant, count(*), max(membership_type) from legacy.members_stream group by tenant order by tenant"
        ).fetchall()
        assert members == [("north", CUSTOMERS, "Gold"), ("south", CUSTOMERS, "Gold")]
        assert connection.execute("select count(*) from control.quarantine").fetchone() == (0,)
