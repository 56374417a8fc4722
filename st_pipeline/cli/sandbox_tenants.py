"""A sandbox inside a command, with its accounts registered as tenants; shared by demo and up --sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from st_pipeline.sandbox import DEMO_ACCOUNTS, Account, Sandbox, spare_accounts
from st_pipeline.secret import Secret
from st_pipeline.settings import DEFAULT_SANDBOX_URL, Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.errors import TenantUnknown
from st_pipeline.tenants.model import Tenant, new_tenant
from st_pipeline.tenants.recheck import check_and_record

USUAL_PORT = urlsplit(DEFAULT_SANDBOX_URL).port or 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the reports need to know about a tenant and the sandbox doesn't."""

    key: str
    company_code: str
    trade: str
    timezone: str


TENANTS = {
    1001: Facts("lone-star", "SM000250", "Plumbing", "America/Chicago"),
    1002: Facts("bluebonnet", "SM000251", "HVAC", "America/Denver"),
    1003: Facts("hill-country", "SM000252", "Electrical", "America/New_York"),
}


@contextmanager
def serving(
    settings: Settings, accounts: Sequence[Account] = DEMO_ACCOUNTS
) -> Iterator[tuple[Settings, list[Account]]]:
    """Run a sandbox during the block and register its accounts. Yields settings that point to it, and spare accounts.

    It uses the port where other commands look for it, or a free one if that port is taken.
    """
    with ExitStack() as stack:
        everybody = [*accounts, *spare_accounts()]
        try:
            sandbox = stack.enter_context(Sandbox(everybody, port=USUAL_PORT))
        except OSError:
            sandbox = stack.enter_context(Sandbox(everybody))
        pointed = replace(settings, sandbox_url=sandbox.url)
        pipeline = open_pipeline(pointed)
        _allow_as_before(pipeline, sandbox)
        register(pipeline, accounts)
        yield pointed, [account for account in sandbox.accounts if account.tenant_id not in TENANTS]


def introduced(account: Account, url: str) -> list[str]:
    """What you need to connect an account of the sandbox at ``url``, line by line."""
    keys = (
        f"{account.name}: tenant id {account.tenant_id}, client id {account.client_id}, client secret "
        f"{account.client_secret}, app key {account.app_key}"
    )
    if account.connected:
        return [keys]
    # Other commands find the sandbox at the default URL without the option.
    where = "" if url == Settings.from_environment().sandbox_url else f" --url {url}"
    return [
        f"{keys}, not connected yet",
        f"  to allow the app as its administrator: .venv/bin/st-pipeline sandbox allow {account.tenant_id}{where}",
    ]


def _allow_as_before(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Allow the app again for connected tenants: a new sandbox doesn't know the previous one and would refuse them."""
    with pipeline.registry() as registry:
        connected = {one.tenant_id for one in registry.list() if one.environment == "sandbox" and one.connected_at}
    for account in sandbox.accounts:
        if account.tenant_id in connected:
            sandbox.connect(account.tenant_id)


def register(pipeline: Pipeline, accounts: Sequence[Account]) -> list[Tenant]:
    """Register and check every account as a tenant; one that is already registered gets its credentials again."""
    found = []
    with pipeline.registry() as registry:
        for account in accounts:
            facts = TENANTS[account.tenant_id]
            own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
            try:
                registry.get(facts.key)
                registry.replace_credentials(facts.key, NewParts(own.client_id, own.client_secret, own.app_key))
            except TenantUnknown:
                tenant = new_tenant(
                    key=facts.key,
                    name=account.name,
                    tenant_id=account.tenant_id,
                    environment="sandbox",
                    company_code=facts.company_code,
                    trade=facts.trade,
                    timezone=facts.timezone,
                )
                registry.add(tenant, own)
            found.append(check_and_record(registry, pipeline.settings, facts.key, datetime.now(UTC)))
    return found
