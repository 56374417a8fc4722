"""operations/tenant_changes.py: what was done to a tenant follows from what it was and what it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.operations.tenant_changes import Action, list_actions
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ACME = Tenant(
    "acme", "Acme", 7, Environment.SANDBOX, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
    NOW, NOW, NOW, frozenset(), NOW, NOW,
)  # fmt: skip
TENANTS = st.builds(
    replace,
    st.just(ACME),
    name=st.sampled_from(["Acme", "Bolt"]),
    tenant_id=st.sampled_from([7, 8]),
    environment=st.sampled_from(Environment),
    company_code=st.sampled_from([None, "SM1"]),
    trade=st.sampled_from([None, "Plumbing"]),
    timezone=st.sampled_from(["UTC", "Asia/Tokyo"]),
    cadence=st.sampled_from(["nightly", "every 6h", "paused"]),
    enabled=st.booleans(),
)


def test_what_was_done_follows_from_before_and_after() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    usual = Tenant(
        "acme", "Acme", 7, Environment.SANDBOX, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
        now, now, now, frozenset(), now, now,
    )  # fmt: skip
    paused = replace(usual, cadence="paused")
    assert list_actions(usual, usual) == []
    assert list_actions(usual, replace(usual, status=Status.REFUSED)) == []
    assert list_actions(paused, replace(usual, cadence="every 6h")) == [("resumed", {"cadence": "every 6h"})]
    before = {"cadence": "nightly", "timezone": "UTC"}
    assert list_actions(usual, replace(paused, timezone="Asia/Tokyo")) == [
        ("paused", {"cadence": "nightly"}),
        ("schedule changed", {"before": before, "cadence": "paused", "timezone": "Asia/Tokyo"}),
    ]


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"enabled": False}, ("disabled", {})),
        ({"cadence": "weekly"}, ("schedule changed", {"before": {"cadence": "nightly", "timezone": "UTC"},
                                                      "cadence": "weekly", "timezone": "UTC"})),
        ({"tenant_id": 8}, ("account corrected", {"before": 7, "tenant_id": 8, "environment": "sandbox"})),
        ({"environment": Environment.PRODUCTION},
         ("account corrected", {"before": 7, "tenant_id": 7, "environment": "production"})),
        ({"trade": "HVAC"}, ("tenant changed", {"before": {"trade": None}, "after": {"trade": "HVAC"}})),
        ({"company_code": "SM1", "name": "A"}, ("tenant changed", {"before": {"name": "Acme", "company_code": None},
                                                                   "after": {"name": "A", "company_code": "SM1"}})),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_one_action_with_what_was_before(changes: dict[str, Any], action: Action) -> None:
    assert list_actions(ACME, replace(ACME, **changes)) == [action]


def test_enabling_is_no_change_of_the_schedule() -> None:
    assert list_actions(replace(ACME, enabled=False), ACME) == [("enabled", {})]


@given(TENANTS, TENANTS)
def test_there_are_actions_exactly_if_something_changed_and_each_kind_at_most_once(
    before: Tenant, after: Tenant
) -> None:
    names = [name for name, _ in list_actions(before, after)]
    assert bool(names) == (before != after)
    assert len(set(names)) == len(names)


@given(TENANTS, TENANTS)
def test_the_way_back_undoes_each_action_of_the_way_there(before: Tenant, after: Tenant) -> None:
    opposite = {"enabled": "disabled", "disabled": "enabled", "paused": "resumed", "resumed": "paused"}
    there, back = ([name for name, _ in list_actions(*pair)] for pair in ((before, after), (after, before)))
    assert [opposite.get(name, name) for name in there] == back


@given(TENANTS, TENANTS)
def test_a_pause_holds_the_cadence_to_resume(before: Tenant, after: Tenant) -> None:
    details = dict(list_actions(before, after))
    assert ("paused" in details) == (before.cadence != "paused" and after.cadence == "paused")
    if "paused" in details:
        assert details["paused"] == {"cadence": before.cadence}
