"""Three accounts synced by commands all the way to the reports, once for all tests that check the end result.

Two accounts have the same ids for different people; the third has its own app key and no scope for memberships. Every
secret can be found wherever it leaks (test_secrets.py).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from tests.end_to_end.home import Home
from tests.end_to_end.leaky_api import LeakyApi
from tests.legacy.reference import Tenant

# With characters that base64, URLs and JSON each encode differently.
SHARED_APP_KEY = "ak1.Canary+Shared/Qx7=e2e"
OWN_APP_KEY = 'ak1.Canary+Own/Vw3=e2e&"%'
SIZE = Size(customers=1_700, invoices=1_700)
SCOPES = frozenset(endpoint(entity).scope for entity in ASSET_ENTITIES)
WITHOUT_MEMBERSHIPS = frozenset(scope for scope in SCOPES if not scope.startswith("tn.mem."))
WINDOW_SECONDS = 16 * 60
NOBODY = "http://127.0.0.1:9"
# A tenant whose commands reach nothing, or nothing that makes sense. They retry for over a minute before giving up, so
# they start first and end in parallel with everything else.
CUT_OFF = "cut-off"


def account(tenant_id: int, seed: int, app_key: str, scopes: frozenset[str] = SCOPES) -> Account:
    return Account(
        tenant_id=tenant_id,
        client_id=f"cid.{tenant_id}",
        client_secret=f'cs1.Canary+{tenant_id}/Kz9=e2e&"%',
        app_key=app_key,
        seed=seed,
        size=SIZE,
        scopes=scopes,
    )


ACCOUNTS = (
    account(4001, 7, SHARED_APP_KEY),
    account(4002, 7, SHARED_APP_KEY),
    account(4003, 11, OWN_APP_KEY, WITHOUT_MEMBERSHIPS),
)
TENANTS = {
    4001: Tenant("gulf-plumbing", "SM000401", "Plumbing", "America/New_York"),
    4002: Tenant("peak-heating", None, "HVAC", "America/Denver"),
    4003: Tenant("delta-electric", "SM000403", None, "Asia/Kolkata"),
}


@dataclass(frozen=True)
class Built:
    """The home, and the sandbox that says what should be in it."""

    home: Home
    sandbox: Sandbox
    leaky: LeakyApi
    waiting: list[subprocess.Popen[str]]
    """Commands of the unreachable tenant, which may still be running."""
    accounts: tuple[Account, ...] = ACCOUNTS

    def key(self, tenant_id: int) -> str:
        return TENANTS[tenant_id].key

    def code(self, tenant_id: int) -> str:
        """The tenant's code in the legacy tables."""
        return TENANTS[tenant_id].company_code or TENANTS[tenant_id].key

    def granted(self, tenant_id: int) -> list[str]:
        """The entities that the tenant's app may read."""
        (scopes,) = [one.scopes or () for one in self.accounts if one.tenant_id == tenant_id]
        return [entity for entity in ASSET_ENTITIES if endpoint(entity).scope in scopes]

    def held(self, tenant_id: int, entity: str) -> dict[int, dict[str, Any]]:
        """The sandbox's records, by id."""
        return {record["id"]: record for record in self.sandbox.world(tenant_id).records(entity)}


def build() -> Iterator[Built]:
    """Add, sync, advance the clock, sync again, build the reports."""
    home = Home.new("built", SERVICETITAN_APP_KEY=SHARED_APP_KEY)
    own_key = home.folder.parent / f"{home.folder.name}.key"
    own_key.write_text(f"{OWN_APP_KEY}\n")
    with Sandbox(ACCOUNTS) as sandbox, LeakyApi() as leaky:
        home.variables["ST_PIPELINE_SANDBOX_URL"] = sandbox.url
        for one in ACCOUNTS:
            tenant = TENANTS[one.tenant_id]
            facts = ["--timezone", tenant.timezone]
            facts += ["--company-code", tenant.company_code] if tenant.company_code else []
            facts += ["--trade", tenant.trade] if tenant.trade else []
            facts += ["--app-key-file", str(own_key)] if one.app_key == OWN_APP_KEY else []
            home.run(
                "tenants", "add", tenant.key, "--tenant-id", str(one.tenant_id), "--environment", "sandbox",
                "--client-id", one.client_id, "--client-secret-file", "-", "--json", *facts,
                stdin=one.client_secret,
            )  # fmt: skip
        own_key.unlink()
        home.register(account(4005, 1, SHARED_APP_KEY), CUT_OFF)
        waiting = [
            home.start("sync", CUT_OFF, "--json", ST_PIPELINE_SANDBOX_URL=NOBODY),
            home.start("tenants", "check", CUT_OFF, ST_PIPELINE_SANDBOX_URL=leaky.url("malformed")),
        ]
        home.run("sync", *(tenant.key for tenant in TENANTS.values()))
        for seed, one in enumerate(ACCOUNTS):
            sandbox.change(one.tenant_id, seed, edits=80, inactivations=25, additions=30, late=10)
        sandbox.advance(WINDOW_SECONDS)
        pipeline = home.pipeline(sandbox.url)
        for tenant in TENANTS.values():
            outcome = sync_tenant(pipeline, tenant.key, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES))
            assert outcome.failures == []
        home.run("marts", "--json")
        yield Built(home, sandbox, leaky, waiting)
        for process in waiting:
            process.kill()
            process.communicate()
