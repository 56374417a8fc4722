import base64
import dataclasses
import json

import pytest
import requests

from st_pipeline.sandbox import Account, Sandbox
from tests.sandbox.caller import Caller
from tests.sandbox.conftest import ACCOUNT, NOW, TWIN

CUSTOMERS = "/crm/v2/tenant/1001/export/customers"
MEMBERS = {"type", "title", "status", "traceId", "errors", "data"}


def refused(response: requests.Response, status: int) -> str:
    """The title of an error response, which must have all six members of the envelope."""
    body = response.json()
    assert (response.status_code, body["status"]) == (status, status)
    assert set(body) == MEMBERS
    return body["title"]


def test_a_token_lasts_900_seconds_names_its_scopes_and_is_bound_to_its_tenant(reader: Caller) -> None:
    body = reader.ask_token().json()
    assert body["expires_in"] == 900
    assert body["token_type"] == "Bearer"
    assert "tn.acc.invoices:r" in body["scope"].split(" ")
    claims = json.loads(base64.urlsafe_b64decode(body["access_token"].split(".")[1] + "=="))
    assert claims["tenant"] == "1001"
    assert claims["scope"] == body["scope"].split(" ")
    assert not set("+/= ") & set(body["access_token"])


@pytest.mark.parametrize(
    "wrong", [{"client_secret": "cs1.other"}, {"client_secret": "cs1.one "}, {"client_id": "cid.nobody"}]
)
def test_wrong_credentials_are_answered_with_400_invalid_client(reader: Caller, wrong: dict[str, str]) -> None:
    response = reader.ask_token(**wrong)
    assert response.status_code == 400
    assert response.json() == {"error": "invalid_client"}


def test_a_json_body_fails_with_400_even_with_valid_credentials(shared: Sandbox) -> None:
    form = {"grant_type": "client_credentials", "client_id": "cid.one", "client_secret": "cs1.one"}
    response = requests.post(f"{shared.url}/connect/token", json=form, timeout=60)
    assert response.status_code == 400
    assert "access_token" not in response.json()


def test_another_grant_type_is_refused(reader: Caller) -> None:
    assert reader.ask_token(grant_type="password").json() == {"error": "unsupported_grant_type"}


def test_a_missing_app_key_is_reported_before_a_missing_token(reader: Caller) -> None:
    title = "Application key not present, check ST-App-Key header value."
    token = {"Authorization": reader.headers["Authorization"]}
    for headers in ({}, token, token | {"ST-App-Key": "ak1.unknown"}):
        assert refused(reader.get(CUSTOMERS, headers=headers), 401) == title


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer nonsense", "nonsense"])
def test_a_bad_token_is_answered_with_401(reader: Caller, authorization: str) -> None:
    response = reader.get(CUSTOMERS, headers={"ST-App-Key": "ak1.app", "Authorization": authorization})
    assert refused(response, 401) == "Unauthorized"


def test_the_token_is_taken_raw_and_with_bearer(reader: Caller) -> None:
    token = reader.headers["Authorization"].removeprefix("Bearer ")
    for value in (token, f"Bearer {token}", f"bearer {token}"):
        headers = {"ST-App-Key": "ak1.app", "Authorization": value}
        assert reader.get(CUSTOMERS, headers=headers).status_code == 200


def test_a_token_gives_no_access_to_another_tenant(reader: Caller) -> None:
    refused(reader.get("/crm/v2/tenant/1002/export/customers"), 404)
    refused(reader.get("/crm/v2/tenant/9999/export/customers"), 404)


def test_a_token_expires_with_the_sandboxs_clock(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.advance(899)
    assert caller.get(CUSTOMERS).status_code == 200
    sandbox.advance(1)
    assert refused(caller.get(CUSTOMERS), 401) == "Unauthorized"
    caller.authorize()
    assert caller.get(CUSTOMERS).status_code == 200


def test_a_scope_that_is_not_granted_is_named_by_operation(sandbox: Sandbox) -> None:
    account = dataclasses.replace(ACCOUNT, scopes={"tn.crm.customers:r"})
    with Sandbox([account], now=NOW) as narrow, Caller(narrow, account) as caller:
        assert caller.authorize().ask_token().json()["scope"] == "tn.crm.customers:r"
        assert caller.get(CUSTOMERS).status_code == 200
        title = refused(caller.get("/accounting/v2/tenant/1001/export/invoices"), 403)
    assert title == (
        "Scope validation failed. Access token does not have permission to access "
        "'GET /tenant/{tenant}/export/invoices'"
    )


def test_a_tenant_that_is_not_connected_is_an_invalid_client_until_it_connects() -> None:
    account = dataclasses.replace(ACCOUNT, connected=False)
    with Sandbox([account, TWIN], now=NOW) as sandbox, Caller(sandbox, account) as caller:
        assert caller.ask_token().json() == {"error": "invalid_client"}
        sandbox.connect(1001)
        assert caller.authorize().get(CUSTOMERS).status_code == 200
        sandbox.connect(1001, connected=False)
        refused(caller.get(CUSTOMERS), 403)


def test_an_app_key_of_another_app_is_refused() -> None:
    other = Account(2002, "cid.other", "cs1.other", "ak1.other")
    with Sandbox([ACCOUNT, other], now=NOW) as sandbox, Caller(sandbox, ACCOUNT) as caller:
        caller.authorize().headers["ST-App-Key"] = "ak1.other"
        refused(caller.get(CUSTOMERS), 403)
