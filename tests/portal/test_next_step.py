"""What a tenant's page says first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from st_pipeline.monitoring.cadence import Due, Reason
from st_pipeline.monitoring.overview import RecentSync, TenantOverview
from st_pipeline.monitoring.sync_history import SyncState
from st_pipeline.portal.next_step import next_step
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant
from tests.monitoring.past import HOUR, NOW

TENANT = Tenant(
    "acme", "Acme", 1, Environment.SANDBOX, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
    NOW, NOW, NOW, frozenset(), NOW, NOW,
)  # fmt: skip
DUE = Due(NOW + HOUR, Reason.REGULAR, NOW + HOUR)
WELL = TenantOverview(TENANT, [], None, NOW, DUE, False, NOW + HOUR, None, 0, 0, 0, [])


def synced(state: SyncState) -> list[RecentSync]:
    return [RecentSync(7, state, False, NOW - HOUR, NOW - HOUR + timedelta(minutes=5), 10)]


def of(status: Status = Status.CONNECTED, *, cadence: str = "nightly", enabled: bool = True, **changes: Any) -> Any:
    return replace(WELL, tenant=replace(TENANT, status=status, cadence=cadence, enabled=enabled), **changes)


@pytest.mark.parametrize(
    ("one", "head", "tone", "link", "at"),
    [
        (of(), "Connected", "good", None, NOW + HOUR),
        (of(recent=synced(SyncState.SUCCEEDED)), "All is well", "good", None, NOW + HOUR),
        (of(recent=synced(SyncState.FAILED)), "The last sync failed", "bad", "/syncs/7", NOW + HOUR),
        (of(recent=synced(SyncState.FAILED), next_sync=None), "The last sync failed", "bad", "/syncs/7", None),
        (of(recent=synced(SyncState.INTERRUPTED)), "The last sync was interrupted", "bad", "/syncs/7", NOW + HOUR),
        (of(recent=synced(SyncState.RUNNING)), "A sync runs now", "busy", "/syncs/7", None),
        (of(recent=synced(SyncState.FAILED), is_queued=True), "A sync waits for its turn", "busy", None, None),
        (of(recent=synced(SyncState.SUCCEEDED), stale_since=NOW), "The data is old", "warn", None, None),
        (of(recent=synced(SyncState.SUCCEEDED), cadence="paused", next_sync=None), "Paused", "quiet", None, None),
        (of(Status.NOT_CONNECTED), "Not connected yet", "warn", "/connect", None),
        (of(Status.REFUSED, recent=synced(SyncState.FAILED)), "ServiceTitan refuses the keys", "bad", "/credentials",
         None),
        (of(Status.UNREACHABLE), "ServiceTitan did not answer", "warn", None, None),
        (of(Status.REFUSED, enabled=False), "Disabled", "quiet", None, None),
    ],
)  # fmt: skip
def test_what_hinders_most_is_said_first(one: TenantOverview, head: str, tone: str, link: str | None, at: Any) -> None:
    step = next_step(one, NOW, has_credentials=True)
    assert (step.head, step.tone, step.link[0] if step.link else None, step.at) == (head, tone, link, at)


def test_a_tenant_without_keys_is_to_be_given_them() -> None:
    step = next_step(of(Status.NOT_CONNECTED), NOW, has_credentials=False)
    assert (step.head, step.link and step.link[0]) == ("Its keys are missing", "/connect")
