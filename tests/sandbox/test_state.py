import datetime as dt
from typing import Any

import pytest

from st_pipeline.sandbox import Sandbox
from tests.sandbox.caller import Caller
from tests.sandbox.conftest import ACCOUNT, NOW


def test_two_accounts_of_one_tenant_are_refused() -> None:
    with pytest.raises(ValueError, match="tenant_id"):
        Sandbox([ACCOUNT, ACCOUNT])


def test_a_current_time_before_the_end_of_the_history_is_rejected() -> None:
    with pytest.raises(ValueError, match="2025-12-01"):
        Sandbox([ACCOUNT], now=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))


def test_a_committed_record_is_served_byte_for_byte(sandbox: Sandbox, caller: Caller) -> None:
    _, token = caller.export("crm_customers")
    bodies = [
        b'{"id": 3, "name": "lone \\ud800 surrogate", "balance": 1e2}',
        b'{"id":"abc","active":true}',
        b'"oops"',
        b"null",
    ]
    for body in bodies:
        sandbox.commit(1001, "crm_customers", body, visible_at=NOW)
    response = caller.get(caller.path("crm_customers", export=True), {"from": token})
    assert response.content.endswith(b'"data":[' + b",".join(bodies) + b"]}")
    shown: list[Any] = sandbox.world(1001).records("crm_customers")
    surrogate = {"id": 3, "name": "lone \ud800 surrogate", "balance": 100.0}
    assert shown[-4:] == [surrogate, {"id": "abc", "active": True}, "oops", None]


def test_a_committed_record_is_in_lists_at_once_and_in_exports_at_its_time(sandbox: Sandbox, caller: Caller) -> None:
    _, token = caller.export("settings_tag_types")
    record = {"active": True, "id": 9, "name": "New", "modifiedOn": "2026-03-01T11:00:00Z"}
    sandbox.commit(1001, "settings_tag_types", record, visible_at=NOW + dt.timedelta(hours=2))
    assert 9 in [one["id"] for one in caller.listed("settings_tag_types")]
    caller.wait(7_199)
    assert caller.exported("settings_tag_types", token) == []
    caller.wait(1)
    assert caller.exported("settings_tag_types", token) == [record]


def test_committing_a_record_again_replaces_the_previous_one(sandbox: Sandbox, caller: Caller) -> None:
    tag = sandbox.world(1001).records("settings_tag_types")[0]
    sandbox.commit(1001, "settings_tag_types", {**tag, "name": "A"}, visible_at=NOW)
    sandbox.commit(1001, "settings_tag_types", {**tag, "name": "B"}, visible_at=NOW)
    names = [one["name"] for one in caller.exported("settings_tag_types") if one["id"] == tag["id"]]
    assert names == ["B"]
