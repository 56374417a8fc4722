"""What a tenant is: frozen shapes of what is asked for and of what the registry holds.

What each field may hold is in fields.py, storing in registry.py, credentials in credentials.py.
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
    """What the last check found. Whether a tenant is wanted at all is ``enabled``, apart from this."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"

    @property
    def label(self) -> str:
        """The words for people."""
        return "not connected yet" if self is Status.NOT_CONNECTED else self.value


class CheckCause(StrEnum):
    """What a check's result is about."""

    NONE = "none"
    """Nothing: it is connected and has what it needs."""
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
    """A tenant to be registered, every field valid and in the form it is stored in; made by ``new_tenant``."""

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
    """One ServiceTitan account as the registry holds it; instants are aware, in UTC."""

    key: str
    name: str
    tenant_id: int
    environment: Environment
    company_code: str | None
    """What the legacy tables call the tenant; without one they use the key."""
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
    """The last check that found it connected; None: never was."""
    granted_scopes: frozenset[str]
    """As of ``connected_at``; empty where the token didn't say."""
    created_at: datetime
    updated_at: datetime
    """Moves when something that reports depend on changes: company code, trade, time zone."""
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
    """A valid tenant from what was typed. Without a name it is called by its key; zone UTC, cadence nightly.

    Raises:
        FieldInvalid: naming the field, and the tenant unless it is the key that is wrong.
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
