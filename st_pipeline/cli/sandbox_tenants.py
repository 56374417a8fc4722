"""The sandbox served inside a command, and its accounts as registered tenants: what demo and up --sandbox share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from st_pipeline.sandbox import DEMO_ACCOUNTS, Account, Sandbox, spare_account
from st_pipeline.secret import Secret
from st_pipeline.settings import DEFAULT_SANDBOX_URL, Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.checkup import check_up
from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.errors import TenantUnknown
from st_pipeline.tenants.model import Tenant, new_tenant

USUAL_PORT = urlsplit(DEFAULT_SANDBOX_URL).port or 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sandbox doesn't know of a tenant: what reports call it."""

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
def serving(settings: Settings, accounts: Sequence[Account] = DEMO_ACCOUNTS) -> Iterator[Settings]:
    """A sandbox while the block runs, with its accounts registered and a spare one; the settings that point to it.

    It is where other commands look for it, unless another is there already: then on a free port.
    """
    with ExitStack() as stack:
        everybody = [*accounts, spare_account()]
        try:
            sandbox = stack.enter_context(Sandbox(everybody, port=USUAL_PORT))
        except OSError:
            sandbox = stack.enter_context(Sandbox(everybody))
        pointed = replace(settings, sandbox_url=sandbox.url)
        register(open_pipeline(pointed), accounts)
        yield pointed


def introduced(account: Account) -> str:
    """What is to be known of an account to connect it."""
    state = "" if account.connected else ", not connected yet"
    return (
        f"{account.name}: tenant id {account.tenant_id}, client id {account.client_id}, client secret "
        f"{account.client_secret}, app key {account.app_key}{state}"
    )


def register(pipeline: Pipeline, accounts: Sequence[Account]) -> list[Tenant]:
    """Every account as a tenant, checked; one that is registered already gets its credentials anew."""
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
            found.append(check_up(registry, pipeline.settings, facts.key, datetime.now(UTC)))
    return found
