"""How a tenant stands with ServiceTitan, in words for whoever looks: the exact answer, and what to do next. Pure.

What was found is the registry's (tenants/connection.py); its own sentences are for the command line.
"""

from __future__ import annotations

from dataclasses import dataclass

from st_pipeline.portal.words.plain import entity_words
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES, LEGACY_REQUIRED
from st_pipeline.servicetitan.catalogue.loading import endpoint
from st_pipeline.tenants.connection import Cause, cause
from st_pipeline.tenants.credential_table import Outline
from st_pipeline.tenants.model import Status, Tenant

WHERE = "Settings › Integrations › API Application Access"


@dataclass(frozen=True, slots=True)
class Standing:
    """``steps``: what to do next, in order; empty where there is nothing to do."""

    tone: str
    head: str
    text: str
    steps: tuple[str, ...] = ()
    is_waiting: bool = False
    """It is tried again by itself."""
    is_connected: bool = False
    """What is granted can be told, and syncs can be planned."""


def standing(tenant: Tenant, outline: Outline | None, *, has_app_key: bool) -> Standing:
    """The answer for this tenant. ``has_app_key``: its own, or the one of all tenants."""
    if not tenant.enabled:
        return Standing("quiet", "Disabled", "An operator has switched this account off; nothing is tried.")
    if outline is None:
        return Standing(
            "quiet",
            "Nothing entered yet",
            "Client id and client secret, as ServiceTitan shows them to the company's administrator, are missing.",
        )
    if not has_app_key:
        return _without_app_key(tenant)
    match tenant.status:
        case Status.CONNECTED:
            return _connected(tenant)
        case Status.NOT_CONNECTED:
            return Standing(
                "warn", "Not connected yet",
                "ServiceTitan does not know these keys yet. It gives the same answer for an app that is not allowed "
                "yet and for a client id or secret that is mistyped.",
                (
                    f"In ServiceTitan, open {WHERE} and see that the app is there and allowed.",
                    "If it is, compare client id and secret with what ServiceTitan shows, and enter them again.",
                    "Then wait: it is tried again by itself, and this page shows it.",
                ),
                is_waiting=True,
            )  # fmt: skip
        case Status.REFUSED:
            return _refused(tenant)
        case Status.UNREACHABLE:
            return Standing(
                "warn", "ServiceTitan unreachable",
                "ServiceTitan did not answer, so nothing is known of the keys. They are stored.",
                ("Nothing is to be done: it is tried again by itself, and this page shows it.",),
                is_waiting=True,
            )  # fmt: skip


def _without_app_key(tenant: Tenant) -> Standing:
    if tenant.status is Status.CONNECTED:
        return Standing(
            "bad", "The app key is gone",
            "ServiceTitan let us in before. Client id and client secret are still here, but the app's own key is not, "
            "and without it nothing is tried or synced.",
            (
                "Enter an app key of this account under Credentials. An operator has it, and can also set it for all "
                "accounts.",
            ),
        )  # fmt: skip
    return Standing(
        "warn", "There is no app key",
        "Client id and client secret are stored, but ServiceTitan also asks for the app's own key; without it nothing "
        "is tried.",
        ("Enter the app key under Connect. An operator has it, and can also set it for all accounts.",),
    )  # fmt: skip


def _connected(tenant: Tenant) -> Standing:
    lacking = sum(scope.is_required and not scope.is_granted for scope in scopes(tenant))
    if lacking:
        what = "a permission is missing" if lacking == 1 else "permissions are missing"
        return Standing(
            "warn", f"Connected, but {what}",
            "ServiceTitan lets us in, but the reports cannot be made without what is marked as needed below.",
            is_connected=True,
        )  # fmt: skip
    text = "ServiceTitan lets us in. Client id, client secret and app key work."
    return Standing("good", "Connected", text, is_connected=True)


def _refused(tenant: Tenant) -> Standing:
    match cause(tenant):
        case Cause.APP_KEY:
            return Standing(
                "bad", "Refused: the app key",
                "Client id and client secret are right, but ServiceTitan refuses the app key they came with.",
                (
                    "An operator knows the app key of the app that was allowed; one for this account alone is entered "
                    "under Credentials.",
                ),
            )  # fmt: skip
        case Cause.TENANT_ID:
            steps = ("Compare the tenant id with the one that ServiceTitan shows, and correct it under Connect.",)
            if tenant.connected_at:
                steps = (f"See under {WHERE} whether the app is still allowed for this account; then ask an operator.",)
            return Standing(
                "bad", "Refused: the tenant id, or the app's permissions",
                f"The keys are right, but they do not open the account with the tenant id {tenant.tenant_id}.",
                steps,
            )  # fmt: skip
        case Cause.CLIENT:
            return Standing(
                "bad", "Refused: the client secret",
                "ServiceTitan no longer accepts the client secret: it was deleted there, or the app was disconnected.",
                (
                    f"In ServiceTitan, open {WHERE} and see that the app is still allowed.",
                    "Generate a new client secret there and enter it under Connect.",
                ),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission that our reports use."""

    name: str
    is_granted: bool
    is_required: bool
    """Without it there are no reports at all."""
    lacks: tuple[str, ...]
    """What is wrong or empty without it."""


def scopes(tenant: Tenant) -> list[Scope]:
    """What the reports use, the missing first; none where the token listed no scopes: nobody knows then."""
    if not tenant.granted_scopes:
        return []
    uses: dict[str, list[str]] = {}
    for entity in ASSET_ENTITIES:
        uses.setdefault(endpoint(entity).scope, []).append(entity)
    found = [
        Scope(
            name,
            name in tenant.granted_scopes,
            any(entity in LEGACY_REQUIRED for entity in entities),
            tuple(map(_lacking, entities)),
        )
        for name, entities in uses.items()
    ]
    return sorted(found, key=lambda scope: (scope.is_granted, not scope.is_required, scope.name))


def _lacking(entity: str) -> str:
    if entity in LEGACY_REQUIRED:
        what, _, how = LEGACY_REQUIRED[entity].partition(": without it ")
        return f"{what} ({how})" if how else what
    return f"{entity_words(entity).lower()} (raw.{entity} stays empty)"
