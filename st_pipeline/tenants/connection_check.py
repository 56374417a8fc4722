"""Whether ServiceTitan lets a tenant in: one sign-in and one small page, and what their outcome means.

Storing what was found is in registry.py (``record_check``), both together in recheck.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from st_pipeline.servicetitan.catalogue.assets import LEGACY_REQUIRED
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    RequestWrong,
    ScopeMissing,
    ServiceTitanError,
)
from st_pipeline.tenants.model import Status, Tenant

_ABOUT_APP_KEY = "Client id and secret are right; the app key is"
_ABOUT_TENANT_ID = "If the tenant id"

# A token is given for client id and secret alone; only a call shows that app key and tenant id are right as well.
# Entities with few records first.
_PROBES = ("settings_business_units", "jpm_job_types", "memberships_membership_types", "crm_customers")


class Cause(StrEnum):
    """What a tenant was refused for."""

    CLIENT = "client id or secret"
    APP_KEY = "app key"
    TENANT_ID = "tenant id"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found: a status and one sentence, with the next step where there is one."""

    status: Status
    detail: str
    scopes: frozenset[str] = frozenset()
    """As the token lists them; empty where it lists none, or there is no token."""
    missing: tuple[str, ...] = ()
    """Scopes that the legacy tables cannot do without and that are not granted."""


def check(tenant: Tenant, client: ServiceTitan) -> CheckResult:
    """Sign in and read one small page. Raises nothing of ServiceTitan's: every outcome is a result."""
    try:
        scopes = client.granted_scopes()
        if probe := _probe(scopes):
            next(iter(client.pages(endpoint(probe))), None)
    except RequestWrong as error:
        # Any other refusal of the page is a fault of the request: the door itself was open.
        if error.entity is None or error.status == 404:
            return refusal(tenant, error)
    except ServiceTitanError as error:
        return refusal(tenant, error)
    return read_admission(tenant, client.granted_scopes())


def read_admission(tenant: Tenant, scopes: frozenset[str]) -> CheckResult:
    """The result for a tenant that was let in, with the scopes its token lists (none listed: unknown, taken as all)."""
    missing = {scope: names for scope, names in _required_scopes().items() if scopes and scope not in scopes}
    if not missing:
        return CheckResult(Status.CONNECTED, "connected", scopes)
    named = ", ".join(f"{scope} (for {' and '.join(names)})" for scope, names in sorted(missing.items()))
    return CheckResult(
        Status.CONNECTED,
        f"connected, but not granted: {named}. The legacy tables need it: add it to the app in the developer portal, "
        f"let the tenant's administrator accept the new version, then run st-pipeline tenants check {tenant.key}",
        scopes,
        tuple(sorted(missing)),
    )


def refusal(tenant: Tenant, error: ServiceTitanError) -> CheckResult:
    """The result for what the client raised instead, in a check or in a sync.

    ServiceTitan has no answer of its own for a tenant that hasn't connected the app: it looks like a wrong secret. So
    a client that was never let in is *not connected yet*, and one that was is *refused*.
    """
    said = str(error).removeprefix(f"{tenant.key}: ")
    match error:
        case CredentialsRefused(entity=None) if tenant.connected_at is None:
            return CheckResult(
                Status.NOT_CONNECTED,
                "ServiceTitan knows no such client yet. There, under Settings > Integrations > API Application Access, "
                "the tenant's administrator connects the app and generates client id and secret; enter them with "
                f"st-pipeline tenants rotate {tenant.key} --client-id ID",
            )
        case CredentialsRefused(entity=None):
            return CheckResult(
                Status.REFUSED,
                f"ServiceTitan no longer accepts the client secret; it did on {tenant.connected_at:%Y-%m-%d}. It was "
                "deleted or the app was disconnected: generate a new one there under Settings > Integrations > "
                f"API Application Access, and enter it with st-pipeline tenants rotate {tenant.key}",
            )
        case CredentialsRefused():
            return CheckResult(
                Status.REFUSED,
                f"{said}. {_ABOUT_APP_KEY} SERVICETITAN_APP_KEY, or the tenant's own: "
                f"st-pipeline tenants rotate {tenant.key} --app-key-file FILE",
            )
        case ScopeMissing() | RequestWrong(entity=str()):
            return CheckResult(
                Status.REFUSED,
                f"{said}. {_ABOUT_TENANT_ID} {tenant.tenant_id} {_about_tenant_id(tenant)}",
            )
        case _:
            return CheckResult(
                Status.UNREACHABLE,
                f"{said}. Then run st-pipeline tenants check {tenant.key}: nothing is known of its keys",
            )


def _about_tenant_id(tenant: Tenant) -> str:
    if tenant.connected_at is None:
        return f"is wrong, correct it with st-pipeline tenants set {tenant.key} --tenant-id N"
    return (
        "is still this company's, its administrator sees under Settings > Integrations > API Application Access "
        "whether the app is still allowed"
    )


def cause(tenant: Tenant) -> Cause:
    """What a tenant that is refused was refused for, as ``refusal`` noted it."""
    if _ABOUT_APP_KEY in tenant.status_detail:
        return Cause.APP_KEY
    return Cause.TENANT_ID if _ABOUT_TENANT_ID in tenant.status_detail else Cause.CLIENT


def _probe(scopes: frozenset[str]) -> str | None:
    """The entity to read one page of; None when none is granted, as then a refusal would mean nothing."""
    return next((entity for entity in _PROBES if endpoint(entity).scope in scopes), None)


def _required_scopes() -> Mapping[str, list[str]]:
    """Scope -> the entities that need it and that the legacy tables cannot do without."""
    needed: dict[str, list[str]] = {}
    for entity in LEGACY_REQUIRED:
        needed.setdefault(endpoint(entity).scope, []).append(entity)
    return needed
