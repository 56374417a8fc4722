"""A sandbox inside a command, with its accounts registered as tenants; shared by demo and up --sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from st_pipeline.cli.errors import CommandRefused
from st_pipeline.sandbox import DEMO_ACCOUNTS, Account, Sandbox, spare_accounts
from st_pipeline.secret import Secret
from st_pipeline.settings import DEFAULT_SANDBOX_URL, Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.errors import TenantUnknown
from st_pipeline.tenants.model import Tenant, new_tenant
from st_pipeline.tenants.recheck import check_and_record

LAST_PORT = 65_535


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

    It serves ST_PIPELINE_SANDBOX_URL, where other commands look for it.

    Raises:
        CommandRefused: this machine cannot serve that address, or something else does.
    """
    host, port = _address(settings.sandbox_url)
    with ExitStack() as stack:
        try:
            sandbox = stack.enter_context(Sandbox([*accounts, *spare_accounts()], host=host, port=port))
        except OSError as error:
            # On another port, a command in another terminal would send its credentials to a stranger.
            raise CommandRefused(
                f"the sandbox cannot listen on {host}:{port} ({error.strerror or error}); set ST_PIPELINE_SANDBOX_URL "
                f"to a free address of this machine, like http://127.0.0.1:{port + 1}, here and in other terminals"
            ) from None
        pointed = replace(settings, sandbox_url=settings.sandbox_url if port else sandbox.url)
        pipeline = open_pipeline(pointed)
        _allow_as_before(pipeline, sandbox)
        register(pipeline, accounts)
        yield pointed, [account for account in sandbox.accounts if account.tenant_id not in TENANTS]


def _address(url: str) -> tuple[str, int]:
    """The host and port to listen on; port 0 picks a free one."""
    found = re.fullmatch(r"http://([^\s/:?#@\[\]]+):(\d{1,5})/?", url)
    if not found or int(found[2]) > LAST_PORT:
        raise CommandRefused(
            f"the sandbox cannot serve {url}; set ST_PIPELINE_SANDBOX_URL to an address like {DEFAULT_SANDBOX_URL}"
        )
    return found[1], int(found[2])


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
