from typing import Any

import pytest
import requests

from st_pipeline.sandbox import Faults, Sandbox
from tests.sandbox.caller import Caller


def post(sandbox: Sandbox, action: str, **body: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/_sandbox/{action}", json=body, timeout=60)


def test_the_state_has_accounts_with_credentials_counts_and_calls(sandbox: Sandbox, caller: Caller) -> None:
    caller.exported("crm_customers")
    state = requests.get(f"{sandbox.url}/_sandbox/state", timeout=60).json()
    one, two = state["accounts"]
    assert (one["tenant_id"], one["client_id"], one["client_secret"]) == (1001, "cid.one", "cs1.one")
    assert one["app_key"] == two["app_key"] == "ak1.app"
    assert one["connected"] is True
    assert one["counts"] == sandbox.world(1001).counts()
    assert "tn.crm.customers:r" in one["scopes"]
    assert (one["peak_rate"], two["peak_rate"]) == (sandbox.peak_rate(1001), 0)
    assert state["calls"] == len(sandbox.calls)
    calls = requests.get(f"{sandbox.url}/_sandbox/calls", timeout=60).json()
    assert calls == [call._asdict() for call in sandbox.calls]


def test_faults_are_set_over_http(sandbox: Sandbox) -> None:
    assert post(sandbox, "faults", rate_429=0.5, untypable=0.25).status_code == 200
    assert sandbox.faults == Faults(rate_429=0.5, untypable=0.25)
    assert "rate_420" in post(sandbox, "faults", rate_420=1).json()["error"]


def test_time_passes_over_http(sandbox: Sandbox) -> None:
    assert post(sandbox, "advance", seconds=900).json() == {"now": "2026-03-01T12:15:00Z"}
    assert sandbox.now.minute == 15


def test_changes_are_made_over_http(sandbox: Sandbox) -> None:
    done = post(sandbox, "change", tenant_id=1001, seed=1, additions=1).json()
    sandbox.advance(900)
    (added,) = done["additions"]["accounting_invoices"]
    assert sandbox.world(1001).records("accounting_invoices")[-1]["id"] == added


def test_tenants_connect_and_disconnect_over_http(sandbox: Sandbox, caller: Caller) -> None:
    post(sandbox, "connect", tenant_id=1001, connected=False)
    assert caller.ask_token().status_code == 400
    post(sandbox, "connect", tenant_id=1001)
    assert caller.ask_token().status_code == 200


def test_records_are_committed_deleted_and_shown_over_http(sandbox: Sandbox) -> None:
    record = {"id": 5, "name": "New", "active": True, "modifiedOn": "2026-03-01T12:00:00Z"}
    url = f"{sandbox.url}/_sandbox/records/1001/settings_tag_types"
    count = len(requests.get(url, timeout=60).json())
    post(
        sandbox,
        "commit",
        tenant_id=1001,
        entity="settings_tag_types",
        record=record,
        visible_at="2026-03-01T12:00:00+00:00",
    )
    assert requests.get(url, timeout=60).json()[-1] == record
    answer = post(sandbox, "delete", tenant_id=1001, entity="settings_tag_types", id=5)
    assert answer.json() == {"deleted": True}
    assert len(requests.get(url, timeout=60).json()) == count


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("explode", {}, 404),
        ("advance", {}, 400),
        ("change", {"tenant_id": 9, "seed": 1}, 400),
        ("delete", {"tenant_id": 1001, "entity": "nope", "id": 1}, 400),
    ],
)
def test_an_impossible_action_returns_an_error(
    sandbox: Sandbox, action: str, body: dict[str, Any], status: int
) -> None:
    answer = post(sandbox, action, **body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_records_of_an_unknown_tenant_or_entity_are_404(sandbox: Sandbox) -> None:
    for path in ("9/crm_customers", "1001/crm_nothing", "x/crm_customers"):
        assert requests.get(f"{sandbox.url}/_sandbox/records/{path}", timeout=60).status_code == 404
