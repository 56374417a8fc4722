"""Tests whether ServiceTitan lets a tenant in: signs in, reads one small page, and explains the result.

registry.py stores the result (``record_check``); recheck.py does both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from st_pipeline.servicetitan.catalogue.assets import LEGACY_REQUIRED
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    RequestWrong,
    ScopeMissing,
    ServiceTitanError,
)
from st_pipeline.steps.sentences import list_words
from st_pipeline.steps.step import Do, Step, Steps
from st_pipeline.tenants.model import CheckCause, Status, Tenant

# Client id and secret are enough for a token; only an API call shows that app key and tenant id are right too.
# Entities with few records come first.
_PROBES = ("settings_business_units", "jpm_job_types", "memberships_membership_types", "crm_customers")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. ``detail`` says it in one sentence, ``steps`` what to do about it."""

    status: Status
    detail: str
    scopes: frozenset[str] = frozenset()
    """The scopes that the token lists; empty if it lists none or there is no token."""
    cause: CheckCause = CheckCause.NONE
    steps: Steps = ()

    def add_problem(self, problem: str, *steps: Step) -> CheckResult:
        """The same result with one more problem."""
        return replace(self, detail=f"{self.detail}. {problem}", steps=(*self.steps, *steps))


def check(tenant: Tenant, client: ServiceTitan) -> CheckResult:
    """Sign in and read one small page. Never raises a ServiceTitanError: every outcome is a result."""
    try:
        scopes = client.granted_scopes()
        if probe := _probe(scopes):
            next(iter(client.pages(endpoint(probe))), None)
    except RequestWrong as error:
        # Any other refusal of the page means that the request was wrong. The sign-in itself worked.
        if error.entity is None or error.status == 404:
            return explain_refusal(tenant, error)
    except ServiceTitanError as error:
        return explain_refusal(tenant, error)
    return judge_admission(tenant, client.granted_scopes())


def judge_admission(tenant: Tenant, scopes: frozenset[str]) -> CheckResult:
    """The result for a tenant that was let in with ``scopes``. If the token lists none, all count as granted."""
    missing = {scope: names for scope, names in _required_scopes().items() if scopes and scope not in scopes}
    if not missing:
        return CheckResult(Status.CONNECTED, "connected", scopes)
    named = ", ".join(f"{scope} (for {list_words(names)})" for scope, names in sorted(missing.items()))
    return CheckResult(
        Status.CONNECTED,
        f"connected, but {'a permission is' if len(missing) == 1 else 'permissions are'} missing: {named}. "
        f"The reports cannot be built without {'it' if len(missing) == 1 else 'them'}",
        scopes,
        CheckCause.SCOPE,
        (*(Step(Do.GRANT_SCOPE, scope) for scope in sorted(missing)), Step(Do.TEST_CONNECTION)),
    )


def explain_refusal(tenant: Tenant, error: ServiceTitanError) -> CheckResult:
    """The result for an error that the client raised, in a check or in a sync.

    ServiceTitan has no special answer for a tenant that hasn't connected the app: it looks like a wrong secret. So a
    tenant that has never connected is *not connected yet*, and one that has is *refused*.
    """
    match error:
        case CredentialsRefused(entity=None) if tenant.connected_at is None:
            return CheckResult(
                Status.NOT_CONNECTED,
                "ServiceTitan does not recognize the client id and client secret yet",
                cause=CheckCause.CLIENT,
                steps=(Step(Do.CONNECT_APP), Step(Do.ENTER_CREDENTIALS)),
            )
        case CredentialsRefused(entity=None):
            return CheckResult(
                Status.REFUSED,
                "ServiceTitan no longer accepts the client secret, which last worked on "
                f"{tenant.connected_at:%Y-%m-%d}. It was deleted, or the app was disconnected",
                cause=CheckCause.CLIENT,
                steps=(Step(Do.GENERATE_SECRET), Step(Do.ENTER_SECRET)),
            )
        case CredentialsRefused():
            return CheckResult(
                Status.REFUSED,
                f"{error.said}. The client id and client secret are correct, but the app key is not",
                cause=CheckCause.APP_KEY,
                steps=(Step(Do.ENTER_APP_KEY),),
            )
        case ScopeMissing() | RequestWrong(entity=str()):
            return CheckResult(
                Status.REFUSED,
                f"{error.said}. The credentials do not give access to tenant id {tenant.tenant_id}",
                cause=CheckCause.TENANT_ID,
                steps=(Step(Do.CHECK_APP_ALLOWED if tenant.connected_at else Do.CORRECT_TENANT_ID),),
            )
        case _:
            return CheckResult(
                Status.UNREACHABLE,
                f"{error.said}. The credentials could not be tested",
                cause=CheckCause.NO_ANSWER,
                steps=(*error.steps, Step(Do.TEST_CONNECTION)),
            )


def _probe(scopes: frozenset[str]) -> str | None:
    """The entity to read one page of; None if none is granted, because a refusal would then mean nothing."""
    return next((entity for entity in _PROBES if endpoint(entity).scope in scopes), None)


def _required_scopes() -> Mapping[str, list[str]]:
    """Scope -> the entities that need it and that the legacy tables require."""
    needed: dict[str, list[str]] = {}
    for entity in LEGACY_REQUIRED:
        needed.setdefault(endpoint(entity).scope, []).append(entity)
    return needed
