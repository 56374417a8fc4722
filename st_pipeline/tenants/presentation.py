"""Tenants as JSON values and as lines for a screen. Pure. It receives no secrets, so it shows none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from st_pipeline.steps.commands import with_commands
from st_pipeline.tenants.credential_table import Outline
from st_pipeline.tenants.credentials import masked
from st_pipeline.tenants.model import Tenant


def as_json(tenant: Tenant) -> dict[str, Any]:
    """Every field under its own name; instants in ISO 8601, scopes sorted."""
    facts = msgspec.to_builtins(tenant, builtin_types=(datetime,))
    facts |= {"status_detail": detail_words(tenant), "granted_scopes": sorted(tenant.granted_scopes)}
    facts["status_steps"] = list(facts["status_steps"])
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


def credentials_as_json(outline: Outline | None, has_shared_app_key: bool) -> dict[str, Any]:
    """``client_id``, masked, and the source of the app key: ``own``, ``shared`` or None."""
    own = bool(outline and outline.has_own_app_key)
    return {
        "client_id": masked(outline.client_id) if outline else None,
        "app_key": "own" if own else "shared" if has_shared_app_key else None,
    }


def next_sync_as_json(at: datetime | None, reason: str | None) -> dict[str, Any]:
    """When the next sync is due (in the past if it is waiting to start) and why; None if none is scheduled."""
    return {"next_sync": _instant(at), "next_sync_reason": reason}


def as_table(tenants: Sequence[Tenant], next_syncs: Mapping[str, datetime | None], now: datetime) -> list[str]:
    """A header line and one line per tenant, in columns that are never cut, so that you can search them.

    Instants are in UTC, to the minute. ``next_syncs``: key -> when the next sync is due.
    """
    rows = [("KEY", "NAME", "ENVIRONMENT", "TENANT ID", "CADENCE", "ENABLED", "STATUS", "CHECKED", "NEXT SYNC")]
    rows += [
        (
            tenant.key,
            tenant.name,
            tenant.environment.value,
            str(tenant.tenant_id),
            tenant.cadence,
            "yes" if tenant.enabled else "no",
            tenant.status.label,
            _minute(tenant.checked_at) or "never",
            _next_sync(next_syncs.get(tenant.key), now),
        )
        for tenant in tenants
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_lines(facts: dict[str, Any]) -> list[str]:
    """One ``name  value`` line per fact, in columns; a dash for a missing value."""
    width = max(map(len, facts))
    return [f"{name.replace('_', ' ').ljust(width)}  {_words(value)}" for name, value in facts.items()]


def state_line(tenant: Tenant) -> str:
    """``acme: not connected yet. <what to do>``"""
    if tenant.status_detail.startswith(tenant.status.label):
        return f"{tenant.key}: {detail_words(tenant)}"
    return f"{tenant.key}: {tenant.status.label}. {detail_words(tenant)}"


def detail_words(tenant: Tenant) -> str:
    """What the last check found and what to do about it, with commands."""
    return with_commands(tenant.status_detail, tenant.status_steps, tenant.key)


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _minute(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else None


def _next_sync(at: datetime | None, now: datetime) -> str:
    return "now" if at and at <= now else _minute(at) or "-"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)
