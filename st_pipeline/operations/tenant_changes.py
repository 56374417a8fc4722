"""The audit's names for a change to a tenant, from its state before and after. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from st_pipeline.tenants.model import Tenant

PAUSED = "paused"
Action = tuple[str, dict[str, Any]]
"""What was done, and its details."""
SCHEDULE = ("cadence", "timezone")
ACCOUNT = ("tenant_id", "environment")
FACTS = ("name", "company_code", "trade")


def list_actions(before: Tenant, after: Tenant) -> list[Action]:
    """The actions that turned the tenant ``before`` into the tenant ``after``; none if nothing changed."""
    fields = ("enabled", *SCHEDULE, *ACCOUNT, *FACTS)
    changed = {field for field in fields if getattr(before, field) != getattr(after, field)}
    found: list[Action] = []
    if "enabled" in changed:
        found.append(("enabled" if after.enabled else "disabled", {}))
    if "cadence" in changed and PAUSED in (before.cadence, after.cadence):
        # Resuming looks for this entry to find the cadence from before the pause.
        is_pause = after.cadence == PAUSED
        found.append(("paused", {"cadence": before.cadence}) if is_pause else ("resumed", {"cadence": after.cadence}))
        changed.remove("cadence")
    if changed & set(SCHEDULE):
        found.append(("schedule changed", {"before": _of(before, SCHEDULE), **_of(after, SCHEDULE)}))
    if changed & set(ACCOUNT):
        account = {"tenant_id": after.tenant_id, "environment": after.environment.value}
        found.append(("account corrected", {"before": before.tenant_id, **account}))
    if others := [field for field in FACTS if field in changed]:
        found.append(("tenant changed", {"before": _of(before, others), "after": _of(after, others)}))
    return found


def _of(tenant: Tenant, fields: Sequence[str]) -> dict[str, Any]:
    return {field: getattr(tenant, field) for field in fields}
