"""pages/tenants_new.py: what is right is registered, what is not is told at its field; nothing secret comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database
from st_pipeline.sandbox import Sandbox, demo_accounts
from st_pipeline.settings import Settings
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn
from tests.portal.noted import noted

CANARY = "canary-secret-7f3a"
FORM = {
    "name": "Cole & Sons <b>", "key": "", "tenant_id": " 4711 ", "environment": "sandbox", "company_code": "SM1",
    "trade": "", "timezone": "america/chicago", "cadence": "weekly fri 03:00",
}  # fmt: skip


@pytest.fixture
def operator(signed_in: SignedIn, control: psycopg.Connection) -> Browser:
    control.execute("delete from control.tenants where key not in ('acme', 'bolt')")
    return signed_in(Role.OPERATOR)


def registered(control: psycopg.Connection) -> int:
    row = control.execute("select count(*) from control.tenants where key not in ('acme', 'bolt')").fetchone()
    assert row
    return row[0]


def test_a_tenant_without_keys_is_registered_for_the_client_to_connect(
    operator: Browser, control: psycopg.Connection
) -> None:
    answer = operator.post("/tenants/new", FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tenants/cole-sons-b")
    row = control.execute(
        "select name, tenant_id, environment, company_code, trade, timezone, cadence, status from control.tenants "
        "where key = 'cole-sons-b'"
    ).fetchone()
    assert row == (
        "Cole & Sons <b>",
        4711,
        "sandbox",
        "SM1",
        None,
        "America/Chicago",
        "weekly fri 03:00",
        "not_connected",
    )
    assert control.execute("select from control.credentials where tenant = 'cole-sons-b'").fetchone() is None
    html = operator.get("/tenants/cole-sons-b").text
    assert "No credentials yet" in text_of(html)
    assert "<b>" not in html
    audit = control.execute("select actor, action, tenant from control.audit order by id desc limit 1").fetchone()
    assert audit == ("operator", "tenant registered", "cole-sons-b")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " ", "This is empty; enter the company's name."),
        ("key", "Cole Sons", "try cole-sons"),
        ("key", "new", "is reserved; choose another."),
        ("tenant_id", "47a", "This must be the company's number from ServiceTitan, digits only."),
        ("environment", "moon", "Not a valid choice."),
        ("company_code", "x" * 201, "This must be at most 200 characters."),
        ("trade", "a\x01b", "This must not contain control characters."),
        ("timezone", "America/Chicgo", "did you mean America/Chicago?"),
        ("cadence", "sometimes", "Enter it like one of these"),
        ("client_id", "cid.x", "Enter the client secret too"),
        ("app_key", CANARY, "Enter the client id too"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(
    operator: Browser, control: psycopg.Connection, field: str, value: str, said: str
) -> None:
    keys = {"client_id": "" if field == "app_key" else "cid.x", "client_secret": CANARY}
    secrets = {} if field == "client_id" else keys
    answer = operator.post("/tenants/new", {**FORM, **secrets, field: value})
    assert answer.status_code == 400
    assert said in text_of(answer.text)
    assert 'value="SM1"' in answer.text or field == "company_code"
    assert 'value="weekly fri 03:00"' in answer.text or field == "cadence"
    assert CANARY not in answer.text
    assert registered(control) == 0


@pytest.mark.parametrize(("field", "value", "said"), [
    ("key", "acme", "The key acme is already taken. Choose another."),
    ("tenant_id", "1", "is already registered as acme"),
])  # fmt: skip
def test_what_is_taken_is_said(operator: Browser, field: str, value: str, said: str) -> None:
    answer = operator.post("/tenants/new", {**FORM, field: value})
    assert answer.status_code == 409
    assert said in text_of(answer.text)


@pytest.fixture
def sandboxed(settings: Settings, portal: Portal, warehouse: Database, app: Starlette) -> Iterator[Starlette]:
    """The application beside a sandbox."""
    with Sandbox(demo_accounts(2, 2)) as sandbox:
        here = replace(portal, settings=replace(settings, sandbox_url=sandbox.url))
        yield create_app(here.settings, here)


@pytest.mark.parametrize(
    ("number", "secret", "found"),
    [(1001, "cs1.sandbox-secret-1001", "connected"), (1003, f"cs1.{CANARY}", "not connected yet")],
)
def test_keys_are_tried_at_once_and_never_shown(
    operator: Browser, sandboxed: Starlette, control: psycopg.Connection, number: int, secret: str, found: str
) -> None:
    browser = Browser(sandboxed).take_session(operator.http.cookies["st_pipeline_session"])
    keys = {"client_id": f"cid.sandbox{number}", "client_secret": secret, "app_key": "ak1.sandbox-app"}
    answer = browser.post("/tenants/new", {**FORM, "key": "cole", "tenant_id": str(number), **keys})
    assert answer.status_code == 303
    html = browser.get("/tenants/cole").text
    assert f"{found}." in text_of(html)
    by = ("operator", "operator")
    assert noted(control, 2) == [
        (*by, "tenant registered", "cole", {"credentials": "entered"}),
        (*by, "credentials tried", "cole", {"found": found.replace(" yet", "").replace(" ", "_")}),
    ]
    tables = ("tenants", "audit", "sessions")
    written = html + "".join(str(control.execute(f"select t::text from control.{one} t").fetchall()) for one in tables)  # pyright: ignore
    assert secret not in written
    assert "ak1.sandbox-app" not in written


def test_a_time_zone_that_is_left_out_is_asked_for(signed_in: SignedIn, control: psycopg.Connection) -> None:
    form = {"name": "Zoneless Air", "tenant_id": "990001", "environment": "sandbox", "cadence": "nightly"}
    answer = signed_in(Role.OPERATOR).post("/tenants/new", form)
    assert answer.status_code == 400
    assert "Enter the company's time zone" in text_of(answer.text)
    assert control.execute("select from control.tenants where tenant_id = 990001").fetchone() is None
