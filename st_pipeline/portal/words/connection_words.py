"""The state of a tenant's connection in words for the actor: the exact result, and what to do next. Pure.

tenants/connection_check.py makes the result; its own sentences are for the command line.
"""

from __future__ import annotations

from dataclasses import dataclass

from st_pipeline.portal.words.entity_words import entity_words
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES, LEGACY_REQUIRED
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.tenants.credential_table import Outline
from st_pipeline.tenants.model import CheckCause, Status, Tenant

WHERE = "Settings › Integrations › API Application Access"


@dataclass(frozen=True, slots=True)
class Standing:
    """``steps``: what to do next, in order; empty if there is nothing to do."""

    tone: str
    head: str
    text: str
    steps: tuple[str, ...] = ()
    is_waiting: bool = False
    """It is retried automatically."""
    is_connected: bool = False
    """The granted permissions are known, and syncs can be scheduled."""


def standing(tenant: Tenant, outline: Outline | None, *, has_app_key: bool) -> Standing:
    """The state of this tenant's connection. ``has_app_key``: it has its own, or there is a shared one."""
    if not tenant.enabled:
        return Standing("quiet", "Disabled", "An operator disabled this company. It is not synced.")
    if outline is None:
        return Standing(
            "quiet",
            "No credentials yet",
            "The client id and client secret are missing. The company's administrator can find them in ServiceTitan.",
        )
    if not has_app_key:
        return _without_app_key(tenant)
    match tenant.status:
        case Status.CONNECTED:
            return _connected(tenant)
        case Status.NOT_CONNECTED:
            return Standing(
                "warn", "Not connected yet",
                "ServiceTitan does not accept these credentials yet. Either the app is not allowed yet, or the client "
                "id or secret has a typo.",
                (
                    f"In ServiceTitan, open {WHERE} and check that the app is listed and allowed.",
                    "If it is, compare the client id and secret with the ones in ServiceTitan and re-enter them.",
                    "Then wait. The connection is retried automatically, and this page updates.",
                ),
                is_waiting=True,
            )  # fmt: skip
        case Status.REFUSED:
            return _refused(tenant)
        case Status.UNREACHABLE:
            return Standing(
                "warn", "ServiceTitan unreachable",
                "ServiceTitan did not respond, so the credentials could not be tested. They are saved.",
                ("No action needed. The connection is retried automatically, and this page updates.",),
                is_waiting=True,
            )  # fmt: skip


def _without_app_key(tenant: Tenant) -> Standing:
    if tenant.status is Status.CONNECTED:
        return Standing(
            "bad", "App key missing",
            "This company was connected before. The client id and client secret are still saved, but the app key is "
            "missing. Nothing can be tested or synced without it.",
            (
                "Enter an app key for this company under Credentials. An operator has it and can also set it for all "
                "companies.",
            ),
        )  # fmt: skip
    return Standing(
        "warn", "No app key yet",
        "The client id and client secret are saved, but ServiceTitan also requires the app key. Nothing can be tested "
        "without it.",
        ("Enter the app key under Connect. An operator has it and can also set it for all companies.",),
    )  # fmt: skip


def _connected(tenant: Tenant) -> Standing:
    lacking = sum(scope.is_required and not scope.is_granted for scope in scopes(tenant))
    if lacking:
        what = "a permission is missing" if lacking == 1 else "permissions are missing"
        return Standing(
            "warn", f"Connected, but {what}",
            "The connection works, but reports cannot be built without the permissions marked required below.",
            is_connected=True,
        )  # fmt: skip
    text = "The connection works. ServiceTitan accepts the client id, client secret, and app key."
    return Standing("good", "Connected", text, is_connected=True)


def _refused(tenant: Tenant) -> Standing:
    match tenant.status_cause:
        case CheckCause.APP_KEY:
            return Standing(
                "bad", "App key rejected",
                "The client id and client secret are correct, but ServiceTitan rejected the app key.",
                (
                    "Ask an operator for the key of the app you allowed. To use a key for this company only, enter it "
                    "under Credentials.",
                ),
            )  # fmt: skip
        case CheckCause.TENANT_ID:
            steps = ("Compare the tenant id with the one in ServiceTitan and correct it under Connect.",)
            if tenant.connected_at:
                steps = (f"Check under {WHERE} that the app is still allowed for this company. Then ask an operator.",)
            return Standing(
                "bad", "Tenant id or app permissions rejected",
                f"The credentials are correct, but they do not give access to tenant id {tenant.tenant_id}.",
                steps,
            )  # fmt: skip
        case _:
            return Standing(
                "bad", "Client secret rejected",
                "ServiceTitan no longer accepts the client secret. It was deleted there, or the app was disconnected.",
                (
                    f"In ServiceTitan, open {WHERE} and check that the app is still allowed.",
                    "Generate a new client secret there and enter it under Credentials.",
                ),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission that the reports use."""

    name: str
    is_granted: bool
    is_required: bool
    """Whether reports cannot be built without it."""
    lacks: tuple[str, ...]
    """What is wrong or empty in the reports without it."""


def scopes(tenant: Tenant) -> list[Scope]:
    """The permissions that the reports use, missing ones first; none if the token listed no scopes."""
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
        return LEGACY_REQUIRED[entity]
    return f"{entity_words(entity).lower()} (none are downloaded)"
