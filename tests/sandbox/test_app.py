import dataclasses
import gzip

import pytest
import requests

from st_pipeline.sandbox import Faults, Sandbox, app, calls
from st_pipeline.sandbox.endpoints import entities
from tests.sandbox.caller import Caller
from tests.sandbox.conftest import ACCOUNT, NOW, TWIN
from tests.support.stepped_time import SteppedTime

CUSTOMERS = "/crm/v2/tenant/1001/export/customers"


@pytest.mark.parametrize(
    "path",
    [
        "/crm/v2/tenant/1001/customer",
        "/crm/v2/tenant/1001/export/customers/",
        "/crm/v2/1001/customers",
        "/scheduling/v2/tenant/1001/jobs",
        "/crm/v2/tenant/me/customers",
        "/crm/v2/tenant/²/customers",
        "/accounting/v2/tenant/1001/invoice-items",
        "/jpm/v2/tenant/1001/export/job-types",
    ],
)
def test_an_unknown_path_is_answered_with_the_gateways_404(reader: Caller, path: str) -> None:
    response = reader.get(path)
    assert response.status_code == 404
    assert response.json()["message"] == "Unable to match incoming request to an operation."


def test_an_unknown_verb_is_an_unknown_operation(reader: Caller) -> None:
    response = reader.session.post(reader.sandbox.url + CUSTOMERS, headers=reader.headers, timeout=60)
    assert (response.status_code, "Unable to match" in response.text) == (404, True)


def test_an_unknown_path_at_the_root_returns_a_complete_error_envelope(reader: Caller) -> None:
    response = reader.get("/nothing/here")
    assert response.status_code == 404
    assert set(response.json()) == {"type", "title", "status", "traceId", "errors", "data"}


def test_pages_are_gzipped_if_the_client_accepts_it(reader: Caller) -> None:
    plain = reader.get(CUSTOMERS, headers=reader.headers | {"Accept-Encoding": "identity"})
    packed = reader.session.get(
        reader.sandbox.url + CUSTOMERS, headers=reader.headers | {"Accept-Encoding": "gzip"}, stream=True, timeout=60
    )
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.raw.read(decode_content=False)) == plain.content


def test_gzip_can_be_turned_off() -> None:
    with Sandbox([ACCOUNT], now=NOW, gzip=False) as sandbox, Caller(sandbox, ACCOUNT) as caller:
        assert "Content-Encoding" not in caller.authorize().get(CUSTOMERS).headers


def test_more_calls_in_a_second_than_the_limit_are_refused_per_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppedTime()
    for module in (app, calls):
        monkeypatch.setattr(module, "time", clock)
    path = "/settings/v2/tenant/1001/business-units"
    with (
        Sandbox([ACCOUNT, TWIN], now=NOW, calls_per_second=5) as sandbox,
        Caller(sandbox, ACCOUNT) as caller,
        Caller(sandbox, TWIN) as other,
    ):
        sandbox.world(1001).count("settings_business_units")
        caller.authorize()
        other.authorize()
        answers = [caller.get(path) for _ in range(9)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 4
        assert answers[5].json()["title"] == "Rate limit is exceeded. Try again in 1 seconds."
        assert {answer.headers.get("Retry-After") for answer in answers[5:]} == {None, "1"}
        assert other.get(path.replace("1001", "1002")).status_code == 200
        assert (sandbox.peak_rate(1001), sandbox.peak_rate(1002)) == (9, 1)
        clock.sleep(0.9)
        assert caller.get(path).status_code == 429
        clock.sleep(0.1)
        assert caller.get(path).status_code == 200


def test_every_call_is_noted_with_tenant_path_and_status(sandbox: Sandbox, caller: Caller) -> None:
    caller.get(CUSTOMERS, {"includeRecentChanges": "true"})
    caller.get(CUSTOMERS, headers={})
    seen = [(call.tenant, call.path, call.status, call.query) for call in sandbox.calls]
    assert seen == [
        (1001, "/connect/token", 200, ""),
        (1001, CUSTOMERS, 200, "includeRecentChanges=true"),
        (1001, CUSTOMERS, 401, ""),
    ]
    assert [call.at for call in sandbox.calls] == sorted(call.at for call in sandbox.calls)


def test_a_429_names_its_wait_in_the_title_and_every_other_time_in_the_header(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(rate_429=1, retry_after_seconds=7)
    answers = [caller.get(CUSTOMERS) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {429}
    assert {answer.json()["title"] for answer in answers} == {"Rate limit is exceeded. Try again in 7 seconds."}
    assert [answer.headers.get("Retry-After") for answer in answers] in (
        [None, "7", None, "7"],
        ["7", None, "7", None],
    )


def test_a_5xx_is_html(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(rate_5xx=1)
    answers = [caller.get(CUSTOMERS) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {500, 502, 503}
    assert all(a.headers["Content-Type"].startswith("text/html") and "<html>" in a.text for a in answers)


def test_a_truncated_response_is_a_complete_response_with_incomplete_json(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(rate_truncated=1)
    response = caller.get(CUSTOMERS)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    sandbox.faults = Faults()
    assert caller.get(CUSTOMERS).content.startswith(response.content)


def test_a_reset_breaks_the_connection(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(rate_reset=1)
    with pytest.raises(requests.ConnectionError):
        caller.get(CUSTOMERS)
    sandbox.faults = Faults()
    assert caller.get(CUSTOMERS).status_code == 200
    assert [call.status for call in sandbox.calls] == [200, 0, 200]


def test_a_firewall_answers_instead_in_html(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(rate_firewall=1)
    blocked = caller.get(CUSTOMERS)
    assert (blocked.status_code, blocked.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "403 Forbidden" in blocked.text


def test_a_slow_response_is_late_and_correct(sandbox: Sandbox, caller: Caller) -> None:
    fast = caller.get(CUSTOMERS)
    sandbox.faults = Faults(rate_slow=1, slow_seconds=60)
    with pytest.raises(requests.ReadTimeout):
        caller.session.get(sandbox.url + CUSTOMERS, headers=caller.headers, timeout=(60, 0.3))
    sandbox.faults = Faults(rate_slow=1, slow_seconds=0.05)
    slow = caller.get(CUSTOMERS)
    assert (slow.status_code, slow.content) == (200, fast.content)


def test_tokens_can_be_made_to_expire_early(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(token_seconds=5)
    caller.authorize()
    sandbox.advance(4.9)
    assert caller.get(CUSTOMERS).status_code == 200
    sandbox.advance(0.1)
    assert caller.get(CUSTOMERS).status_code == 401


def test_a_repeated_token_comes_once_and_a_retry_makes_progress(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(repeat_token=True)
    first = caller.get(CUSTOMERS).json()["continueFrom"]
    stuck = caller.get(CUSTOMERS, {"from": first}).json()
    assert (stuck["continueFrom"], stuck["hasMore"]) == (first, True)
    again = caller.get(CUSTOMERS, {"from": first}).json()
    assert again["continueFrom"] != first
    assert again["data"] == stuck["data"]
    sandbox.faults = Faults(repeat_token=True)
    assert caller.get(CUSTOMERS, {"from": first}).json()["continueFrom"] == first


def test_a_persistent_client_gets_everything_despite_all_faults(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults = Faults(rate_429=0.1, rate_5xx=0.1, rate_truncated=0.1, rate_reset=0.1, untypable=0.05)
    start, bodies, seen = "", 0, set()
    for _ in range(200):
        try:
            response = caller.get("/jpm/v2/tenant/1001/export/jobs", {"from": start})
            body = response.json() if response.status_code == 200 else None
        except (requests.ConnectionError, requests.JSONDecodeError):
            body = None
        seen.add(sandbox.calls[-1].status)
        if body is not None:
            bodies += len(body["data"])
            start = body["continueFrom"]
            if not body["hasMore"]:
                break
    assert bodies == sandbox.world(1001).count("jpm_jobs")


def test_the_same_seed_gives_the_same_faults_for_the_same_calls() -> None:
    faults = Faults(rate_429=0.2, rate_5xx=0.2, seed=9)
    runs = []
    for _ in range(2):
        with Sandbox([ACCOUNT], faults=faults, now=NOW) as sandbox, Caller(sandbox, ACCOUNT) as caller:
            caller.headers["Authorization"] = "none"
            for _ in range(30):
                caller.get(CUSTOMERS)
            runs.append([call.status for call in sandbox.calls])
    assert runs[0] == runs[1]
    assert set(runs[0]) >= {401, 429}


def test_defective_records_are_the_same_bytes_in_every_read(sandbox: Sandbox, caller: Caller) -> None:
    world = sandbox.world(1001)
    for one in entities():
        clean = world.served(one.name)
        sandbox.faults = Faults(untypable=0.3)
        spoilt, defects = world.served(one.name), world.defects(one.name)
        sandbox.faults = dataclasses.replace(sandbox.faults, rate_slow=0)
        assert world.served(one.name) == spoilt
        assert sum(a != b for a, b in zip(clean, spoilt, strict=True)) == len(defects)
        if one.export and one.name != "accounting_invoice_items":
            assert caller.exported(one.name) == world.records(one.name, defects=True)
        sandbox.faults = Faults()
        assert world.served(one.name) == clean
