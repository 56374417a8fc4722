"""What a tenant is: immutable classes for a new tenant and for one in the registry.

fields.py validates the fields, registry.py stores them, credentials.py has the credentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from st_pipeline.steps.step import Steps
from st_pipeline.tenants import fields
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.fields import Environment

DEFAULT_TIMEZONE = "UTC"
DEFAULT_CADENCE = "nightly"


class Status(StrEnum):
    """What the last check found. Whether a tenant is synced at all is a separate field, ``enabled``."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"

    @property
    def label(self) -> str:
        """The text for people."""
        return _LABELS.get(self, self.value)


_LABELS = {
    Status.NOT_CONNECTED: "not connected yet",
    Status.REFUSED: "rejected by ServiceTitan",
    Status.UNREACHABLE: "ServiceTitan not responding",
}


class CheckCause(StrEnum):
    """What caused a check's result."""

    NONE = "none"
    """No problem: the tenant is connected and has every scope that it needs."""
    NOT_CHECKED = "not_checked"
    CREDENTIALS_MISSING = "credentials_missing"
    CLIENT = "client"
    """Client id or client secret."""
    APP_KEY = "app_key"
    TENANT_ID = "tenant_id"
    """The tenant id, or the app's permission to read this company."""
    SCOPE = "scope"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant to register, made by ``new_tenant``: every field is valid and in its stored form."""

    key: str
    name: str
    tenant_id: int
    environment: Environment
    company_code: str | None = None
    trade: str | None = None
    timezone: str = DEFAULT_TIMEZONE
    cadence: str = DEFAULT_CADENCE


@dataclass(frozen=True, slots=True)
class Tenant:
    """One ServiceTitan account in the registry; instants are in UTC, with a time zone."""

    key: str
    name: str
    tenant_id: int
    environment: Environment
    company_code: str | None
    """The tenant's name in the legacy tables, which use the key if it is None."""
    trade: str | None
    timezone: str
    cadence: str
    enabled: bool
    status: Status
    status_detail: str
    """What the last check found, in one sentence."""
    status_since: datetime
    checked_at: datetime | None
    connected_at: datetime | None
    """The last check that found it connected; None if it has never connected."""
    granted_scopes: frozenset[str]
    """As of ``connected_at``; empty if the token didn't list any."""
    created_at: datetime
    updated_at: datetime
    """The last change of a field that reports depend on: company code, trade, or time zone."""
    status_cause: CheckCause = CheckCause.NOT_CHECKED
    status_steps: Steps = ()
    """What to do about ``status_detail``."""


def new_tenant(
    *,
    key: str,
    tenant_id: int | str,
    environment: str,
    name: str | None = None,
    company_code: str | None = None,
    trade: str | None = None,
    timezone: str | None = None,
    cadence: str | None = None,
) -> NewTenant:
    """A valid tenant from what was entered. Defaults: the key as the name, time zone UTC, cadence nightly.

    Raises:
        FieldInvalid: it names the field, and the tenant unless the key is invalid.
    """
    key = fields.valid_key(key)
    try:
        return NewTenant(
            key=key,
            name=fields.valid_name(name or key),
            tenant_id=fields.valid_tenant_id(tenant_id),
            environment=fields.valid_environment(environment),
            company_code=fields.valid_company_code(company_code),
            trade=fields.valid_trade(trade),
            timezone=fields.valid_timezone(timezone or DEFAULT_TIMEZONE),
            cadence=fields.valid_cadence(cadence or DEFAULT_CADENCE),
        )
    except FieldInvalid as invalid:
        raise invalid.of_tenant(key) from None
