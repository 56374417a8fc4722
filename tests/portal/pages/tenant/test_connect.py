"""pages/connect.py and trying.py: keys are entered, tried and corrected, with a real sandbox."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database
from st_pipeline.sandbox import Faults, Sandbox
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.registry import Registry
from tests.portal.browser import PASSWORD, Browser, text_of
from tests.portal.conftest import SignedIn
from tests.portal.connecting import (
    APP_KEY,
    CANARIES,
    FEW_SCOPES,
    KEYS_OF_ACME,
    MISTYPED,
    SECOND,
    SECRET,
    account,
    before,
    connected,
    everything,
    start_over,
)
from tests.portal.noted import noted


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([account(7001), account(7002, connected=False), account(7003, scopes=FEW_SCOPES)]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    return before(settings, sandbox)


@pytest.fixture(scope="module")
def app(settings: Settings, portal: Portal) -> Iterator[Starlette]:
    app = create_app(settings, portal)
    with portal.pool:
        yield app


@pytest.fixture(autouse=True)
def fresh(control: psycopg.Connection, sandbox: Sandbox, settings: Settings) -> Registry:
    """Tenants acme, bolt (not allowed by its administrator) and cole (few scopes), nothing entered."""
    sandbox.connect(7002, connected=False)
    return start_over(control, sandbox, settings)


def test_the_keys_are_tried_while_they_are_saved_and_the_answer_is_connected_with_scopes(
    fresh: Registry, signed_in: SignedIn
) -> None:
    client = signed_in(Role.CLIENT)
    assert "No credentials yet" in text_of(client.get("/tenants/acme/connect").text)
    answer = client.post("/tenants/acme/connect", KEYS_OF_ACME)
    assert answer.headers["location"] == "/tenants/acme/connect"
    page = text_of(client.get("/tenants/acme/connect").text)
    assert "Saved. Test result: connected." in page
    assert "permissions the reports need are granted." in page
    assert fresh.credentials("acme").client_secret == Secret(SECRET)


def test_missing_scopes_are_named_with_what_lacks(fresh: Registry, signed_in: SignedIn) -> None:
    operator = signed_in(Role.OPERATOR)
    operator.post("/tenants/cole/connect", {**KEYS_OF_ACME, "tenant_id": "7003", "client_id": "cid.portal7003"})
    page = text_of(operator.get("/tenants/cole/connect").text)
    assert "tn.jpm.appointments:r required Without it, these are missing: first appointment dates" in page
    assert "tn.acc.payments:r optional Without it, these are missing: payments (none are downloaded)" in page


def test_not_connected_yet_turns_to_connected_by_itself_while_somebody_looks(
    fresh: Registry, control: psycopg.Connection, sandbox: Sandbox, signed_in: SignedIn
) -> None:
    operator = signed_in(Role.OPERATOR)
    path = "/tenants/bolt/connect"
    operator.post(path, {**KEYS_OF_ACME, "tenant_id": "7002", "client_id": "cid.portal7002"})
    page = operator.get(path).text
    assert "Not connected yet" in page
    assert f'data-live="{path}"' in page
    sandbox.connect(7002)
    live = {"x-live": "1"}
    before = len(sandbox.calls)
    assert "Not connected yet" in operator.get(path, headers=live).text, "it was tried just now"
    assert len(sandbox.calls) == before
    control.execute("update control.tenants set checked_at = now() - interval '21 seconds' where key = 'bolt'")
    assert "Not connected yet" in operator.get(path).text, "nobody but the page itself asks again"
    assert "Not connected yet" in signed_in(Role.VIEWER).get(path, headers=live).text, "a viewer tries nothing"
    page = operator.get(path, headers=live).text
    assert "Connected" in text_of(page)
    assert "data-live" not in page
    last = control.execute("select action, detail from control.audit order by id desc limit 1").fetchone()
    assert last == ("credentials tried", {"found": "connected"})


def test_a_server_in_trouble_is_unreachable_and_the_keys_are_kept(
    fresh: Registry, sandbox: Sandbox, signed_in: SignedIn
) -> None:
    sandbox.faults = Faults(rate_5xx=1.0)
    operator = signed_in(Role.OPERATOR)
    operator.post("/tenants/acme/connect", KEYS_OF_ACME)
    assert "ServiceTitan unreachable" in text_of(operator.get("/tenants/acme/connect").text)
    sandbox.faults = Faults()
    operator.post("/tenants/acme/connect/try")
    assert fresh.get("acme").status is Status.CONNECTED


def test_what_was_mistyped_can_be_corrected_until_it_was_connected(fresh: Registry, signed_in: SignedIn) -> None:
    client = signed_in(Role.CLIENT)
    client.post("/tenants/acme/connect", {**KEYS_OF_ACME, "tenant_id": "7999"})
    assert fresh.get("acme").status is Status.REFUSED
    assert "do not give access to tenant id 7999" in text_of(client.get("/tenants/acme/connect").text)
    client.post("/tenants/acme/connect", {**KEYS_OF_ACME, "client_id": "", "client_secret": ""})
    assert fresh.get("acme").status is Status.CONNECTED
    client.post("/tenants/acme/connect", {**KEYS_OF_ACME, "tenant_id": "7998"})
    assert fresh.get("acme").tenant_id == 7001


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tenant_id": "seven"}, "must be the company's number from ServiceTitan"),
        ({"client_id": ""}, "Enter the client id."),
        ({"client_secret": "two words"}, "must not contain spaces or non-ASCII characters"),
        ({"environment": "elsewhere"}, "Not a valid choice"),
        ({"client_id": "x" * 1001}, "too long"),
    ],
)
def test_errors_are_at_the_field_and_nothing_is_stored(
    fresh: Registry, signed_in: SignedIn, changed: dict[str, str], said: str
) -> None:
    answer = signed_in(Role.CLIENT).post("/tenants/acme/connect", {**KEYS_OF_ACME, **changed})
    assert answer.status_code == 400
    assert said in text_of(answer.text)
    assert SECRET not in answer.text
    assert fresh.outline("acme") is None


def test_all_that_is_wrong_is_said_at_once_and_on_top_that_nothing_is_stored(
    fresh: Registry, signed_in: SignedIn
) -> None:
    client = signed_in(Role.CLIENT)
    page = client.post("/tenants/acme/connect", {**KEYS_OF_ACME, "tenant_id": "seven", "client_secret": ""}).text
    assert page.count('aria-invalid="true"') == 2
    assert text_of(page).index("Not saved.") < text_of(page).index("No credentials yet")
    assert "Not saved" not in client.get("/tenants/acme/connect").text


@contextmanager
def without_app_key(settings: Settings, warehouse: Database, browser: Browser) -> Iterator[Browser]:
    """The same session where no app key is set for all tenants."""
    keyless = replace(settings, servicetitan=replace(settings.servicetitan, app_key=None))
    portal = Portal.of(keyless, warehouse)
    with portal.pool:
        yield Browser(create_app(keyless, portal)).take_session(browser.http.cookies["st_pipeline_session"])


def test_an_app_key_that_nobody_has_set_is_asked_for(
    fresh: Registry, settings: Settings, warehouse: Database, signed_in: SignedIn
) -> None:
    hint = "The client also needs the app key"
    assert hint not in text_of(signed_in(Role.OPERATOR).get("/tenants/acme/invitations").text)
    with without_app_key(settings, warehouse, signed_in(Role.OPERATOR)) as operator:
        assert hint in text_of(operator.get("/tenants/acme/invitations").text)
    with without_app_key(settings, warehouse, signed_in(Role.CLIENT)) as client:
        refused = client.post("/tenants/acme/connect", KEYS_OF_ACME)
        assert refused.status_code == 400
        assert "Enter the app key. The person who invited you has it." in text_of(refused.text)
        assert fresh.outline("acme") is None
        assert client.post("/tenants/acme/connect", {**KEYS_OF_ACME, "app_key": APP_KEY}).status_code == 303
        assert "Saved. Test result: connected." in text_of(client.get("/tenants/acme/connect").text)
    with without_app_key(settings, warehouse, signed_in(Role.OPERATOR)) as operator:
        assert hint not in text_of(operator.get("/tenants/acme/invitations").text)


def test_one_that_was_connected_and_lost_its_app_key_is_told_so_and_nothing_else(
    fresh: Registry, settings: Settings, warehouse: Database, signed_in: SignedIn
) -> None:
    connected(fresh, signed_in(Role.OPERATOR))
    with without_app_key(settings, warehouse, signed_in(Role.OPERATOR)) as browser:
        connect, credentials = (browser.get(f"/tenants/acme/{part}").text for part in ("connect", "credentials"))
    assert "App key missing" in text_of(connect)
    assert "App key missing" in text_of(credentials)
    for words in ("permissions the reports need", "Test connection", "The connection works"):
        assert words not in connect
    assert "<details open>" in credentials


def test_a_client_does_not_learn_whose_another_account_is(fresh: Registry, signed_in: SignedIn) -> None:
    answer = signed_in(Role.CLIENT).post("/tenants/acme/connect", {**KEYS_OF_ACME, "tenant_id": "7002"})
    assert answer.status_code == 400
    assert "This tenant id is already registered." in text_of(answer.text)
    assert "bolt" not in answer.text
    other = signed_in(Role.OPERATOR).post("/tenants/acme/connect", {**KEYS_OF_ACME, "tenant_id": "7002"})
    assert "registered as bolt" in text_of(other.text)


def test_a_client_cannot_move_its_account_to_the_stand_in(
    fresh: Registry, control: psycopg.Connection, signed_in: SignedIn
) -> None:
    control.execute("update control.tenants set environment = 'integration' where key = 'acme'")
    answer = signed_in(Role.CLIENT).post("/tenants/acme/connect", KEYS_OF_ACME)
    assert answer.status_code == 400
    assert fresh.outline("acme") is None


def test_the_audit_says_who_did_what_with_which_keys_and_what_came_of_it(
    fresh: Registry, control: psycopg.Connection, sandbox: Sandbox, signed_in: SignedIn
) -> None:
    client, operator = signed_in(Role.CLIENT), signed_in(Role.OPERATOR)
    by_client, by_operator = ("client of acme", "client"), ("operator", "operator")

    def tried(found: str) -> tuple[object, ...]:
        return ("credentials tried", "acme", {"found": found})

    client.post("/tenants/acme/connect", KEYS_OF_ACME)
    entered = ("credentials entered", "acme", {"parts": ["client id", "client secret"]})
    assert noted(control, 2) == [(*by_client, *entered), (*by_client, *tried("connected"))]
    operator.post("/tenants/acme/credentials/rotate", {"new_secret": SECOND})
    assert noted(control, 2) == [(*by_operator, "secret added", "acme", {}), (*by_operator, *tried("connected"))]
    outline = fresh.outline("acme")
    assert outline
    client.post("/tenants/acme/credentials/revoke", {"secret": outline.newest.added_at.isoformat()})
    revoked = ("secret revoked", "acme", {"which": "newest", "days": 0})
    assert noted(control, 2) == [(*by_client, *revoked), (*by_client, *tried("connected"))]
    client.post("/tenants/acme/credentials", {"client_id": "cid.portal7001", "client_secret": SECRET})
    replaced = ("credentials replaced", "acme", {"parts": ["client id", "client secret"]})
    assert noted(control, 2) == [(*by_client, *replaced), (*by_client, *tried("connected"))]
    keys = {**KEYS_OF_ACME, "tenant_id": "7009", "client_id": "cid.portal7002"}
    operator.post("/tenants/bolt/connect", keys)
    what = [(action, tenant, detail) for *_, action, tenant, detail in noted(control, 3)]
    assert what[1] == (
        "account corrected",
        "bolt",
        {"before": 7002, "tenant_id": 7009, "environment": "sandbox"},
    )
    assert (what[0][0], what[2][0]) == ("credentials entered", "credentials tried")


def test_who_may_only_look_changes_no_keys(fresh: Registry, signed_in: SignedIn) -> None:
    viewer = signed_in(Role.VIEWER)
    for part in ("connect", "connect/try", "credentials", "credentials/rotate", "credentials/revoke"):
        assert viewer.post(f"/tenants/acme/{part}", KEYS_OF_ACME).status_code == 403
    assert '<input id="client_secret"' not in viewer.get("/tenants/acme/connect").text
    assert fresh.outline("acme") is None


def test_no_secret_is_found_in_rows_pages_or_logs(
    fresh: Registry,
    control: psycopg.Connection,
    sandbox: Sandbox,
    signed_in: SignedIn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    operator = signed_in(Role.OPERATOR)
    answers = [operator.post("/tenants/acme/connect", {**KEYS_OF_ACME, "app_key": APP_KEY})]
    answers.append(operator.post("/tenants/acme/connect", {**KEYS_OF_ACME, "tenant_id": SECRET}))
    sandbox.faults = Faults(rate_5xx=1.0)
    answers.append(operator.post("/tenants/acme/credentials/rotate", {"new_secret": SECOND}))
    sandbox.faults = Faults()
    answers.append(operator.post("/tenants/acme/credentials/rotate", {"new_secret": MISTYPED}))
    answers.append(operator.post("/tenants/acme/credentials", {"client_id": "", "client_secret": MISTYPED}))
    answers.append(operator.post("/tenants/acme/credentials", {"app_key": APP_KEY}))
    answers += [
        operator.get(path) for path in ("/tenants/acme/connect", "/tenants/acme/credentials", "/audit", "/audit.csv")
    ]
    assert all(answer.status_code < 500 for answer in answers)
    actions = {row[0] for row in control.execute("select action from control.audit").fetchall()}
    assert {"credentials entered", "secret added", "credentials tried", "credentials replaced"} <= actions
    written = everything(control) + caplog.text + str([(answer.text, answer.headers) for answer in answers])
    assert "credentials entered" in written
    for canary in (*CANARIES, PASSWORD):
        assert canary not in written
