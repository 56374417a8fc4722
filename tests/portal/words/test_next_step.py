"""What a tenant's page says first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from st_pipeline.alerting.incidents import Incident
from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import TenantOverview
from st_pipeline.overview.recent_syncs import RecentSync
from st_pipeline.portal.words.connection_words import standing
from st_pipeline.portal.words.next_step import FAILURES, REFUSALS, next_step, open_incidents
from st_pipeline.rules.findings import Severity
from st_pipeline.schedule.due_times import Due, Reason
from st_pipeline.tenants.credential_table import Outline, SecretOutline
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import CheckCause, Status, Tenant
from tests.support.past import HOUR, NOW

TENANT = Tenant(
    "acme", "Acme", 1, Environment.SANDBOX, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
    NOW, NOW, NOW, frozenset(), NOW, NOW,
)  # fmt: skip
KEYS = Outline("cid.acme", False, SecretOutline(NOW, None, None), None)
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
        (of(recent=synced(SyncState.SUCCEEDED)), "All good", "good", None, NOW + HOUR),
        (of(recent=synced(SyncState.FAILED)), "The last sync failed", "bad", "/syncs/7", NOW + HOUR),
        (of(recent=synced(SyncState.FAILED), next_sync=None), "The last sync failed", "bad", "/syncs/7", None),
        (of(recent=synced(SyncState.INTERRUPTED)), "The last sync was interrupted", "bad", "/syncs/7", NOW + HOUR),
        (of(recent=synced(SyncState.RUNNING)), "Sync running", "busy", "/syncs/7", None),
        (of(recent=synced(SyncState.FAILED), is_queued=True), "Sync queued", "busy", None, None),
        (of(recent=synced(SyncState.SUCCEEDED), stale_since=NOW), "Data is out of date", "warn", None, None),
        (of(recent=synced(SyncState.SUCCEEDED), cadence="paused", next_sync=None), "Paused", "quiet", None, None),
        (of(Status.NOT_CONNECTED), "Not connected yet", "warn", "/connect", None),
        (of(Status.REFUSED, recent=synced(SyncState.FAILED)), "Client secret rejected", "bad", "/connect", None),
        (of(Status.UNREACHABLE), "ServiceTitan unreachable", "warn", None, None),
        (of(Status.REFUSED, enabled=False), "Disabled", "quiet", None, None),
    ],
)  # fmt: skip
def test_what_hinders_most_is_said_first(one: TenantOverview, head: str, tone: str, link: str | None, at: Any) -> None:
    step = next_step(one, NOW, standing(one.tenant, KEYS, has_app_key=True))
    assert (step.head, step.tone, step.link[0] if step.link else None, step.at) == (head, tone, link, at)


@pytest.mark.parametrize(
    ("status", "outline", "has_app_key", "head", "said", "link"),
    [
        (Status.NOT_CONNECTED, None, True, "No credentials yet", "client id and client secret", "/connect"),
        (Status.NOT_CONNECTED, KEYS, False, "No app key yet", "Enter the app key under Connect.", "/connect"),
        (Status.CONNECTED, KEYS, False, "App key missing", "under Credentials", "/credentials"),
        (
            Status.NOT_CONNECTED,
            KEYS,
            True,
            "Not connected yet",
            "typo. The connection is retried automatically",
            "/connect",
        ),
    ],
)
def test_what_keeps_a_tenant_out_is_what_the_pages_about_keys_say(
    status: Status, outline: Outline | None, has_app_key: bool, head: str, said: str, link: str
) -> None:
    one = of(status)
    step = next_step(one, NOW, standing(one.tenant, outline, has_app_key=has_app_key))
    assert (step.head, step.link and step.link[0]) == (head, link)
    assert said in step.text


@pytest.mark.parametrize(
    ("cause", "head", "said"),
    [
        (CheckCause.APP_KEY, "App key rejected", "under Credentials"),
        (CheckCause.TENANT_ID, "Tenant id or app permissions rejected", "correct it under Connect"),
    ],
)
def test_the_one_thing_that_is_wrong_with_the_keys_is_named(cause: CheckCause, head: str, said: str) -> None:
    refused = replace(TENANT, status=Status.REFUSED, status_cause=cause, connected_at=None)
    step = next_step(replace(WELL, tenant=refused), NOW, standing(refused, KEYS, has_app_key=True))
    assert step.head == head
    assert said in step.text


def incident(rule: str, seen: timedelta) -> Incident:
    at = NOW + seen
    return Incident(1, rule, rule, "acme", None, Severity.NOW, "What.", (), "", at, at, at)


@pytest.mark.parametrize("rule", sorted(FAILURES | REFUSALS))
def test_what_was_put_right_since_it_was_looked_at_is_not_shown_as_wrong(rule: str) -> None:
    before, after = incident(rule, -HOUR), incident(rule, HOUR)
    stale = incident("stale", -HOUR)
    one = of(incidents=[before, after, stale])
    assert open_incidents(one) == [after, stale]
    still = replace(one, last_success_at=None, tenant=replace(TENANT, status=Status.REFUSED))
    assert open_incidents(still) == [before, after, stale]
