"""portal/pages/tenant/tenant_actions.py: each button writes a row, an audit entry, and a notice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from st_pipeline.history import recorder
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.words.cadence_words import USUAL
from st_pipeline.postgres import Database
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.support.past import Past


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    """Acme as it was registered, with nothing done to it."""
    for table in ("sync_requests", "syncs"):
        control.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]
    control.execute("update control.tenants set name = key, cadence = 'nightly', enabled = true")
    return Past(control)


def rows(control: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return control.execute(query).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


def last_audit(control: psycopg.Connection) -> tuple[Any, ...]:
    (row,) = rows(control, "select actor, role, action, tenant, detail from control.audit order by id desc limit 1")
    return row


def test_sync_now_is_a_request_of_who_pressed_it_once_and_in_the_audit(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    browser = signed_in(Role.CLIENT)
    for _ in range(2):
        answer = browser.post("/tenants/acme/sync")
        assert (answer.status_code, answer.headers["location"]) == (303, "/tenants/acme")
    asked = rows(control, "select id, tenant, requested_by, is_full, entities from control.sync_requests")
    assert [row[1:] for row in asked] == [("acme", "client of acme", False, None)]
    assert last_audit(control) == ("client of acme", "client", "sync asked for", "acme", {"request": asked[0][0]})
    text = text_of(browser.get("/tenants/acme").text)
    assert "Sync requested." in text
    assert "Sync queued" in text


def test_a_full_re_sync_is_an_operators(signed_in: SignedIn, past: Past, control: psycopg.Connection) -> None:
    assert signed_in(Role.CLIENT).post("/tenants/acme/sync", {"full": "1"}).status_code == 403
    assert rows(control, "select from control.sync_requests") == []
    assert signed_in(Role.OPERATOR).post("/tenants/acme/sync", {"full": "1"}).status_code == 303
    assert rows(control, "select requested_by, is_full from control.sync_requests") == [("operator", True)]
    assert last_audit(control)[2] == "full re-sync asked for"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("enabled = false", "This company is disabled"),
        ("connected_at = null, status = 'not_connected'", "never connected"),
    ],
)
def test_what_cannot_be_synced_is_not_asked_for_but_told(
    signed_in: SignedIn, past: Past, control: psycopg.Connection, change: str, said: str
) -> None:
    with control.transaction(force_rollback=False):
        control.execute(f"update control.tenants set {change} where key = 'acme'")  # pyright: ignore
    browser = signed_in(Role.OPERATOR)
    browser.post("/tenants/acme/sync")
    assert said in text_of(browser.get("/tenants/acme").text)
    assert rows(control, "select from control.sync_requests") == []
    control.execute("update control.tenants set enabled = true, connected_at = created_at, status = 'connected'")


def test_paused_it_keeps_the_cadence_to_come_back_to(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    control.execute("update control.tenants set cadence = 'weekly fri 03:00' where key = 'acme'")
    browser = signed_in(Role.OPERATOR)
    for _ in range(2):
        browser.post("/tenants/acme/pause")
        assert rows(control, "select cadence from control.tenants where key = 'acme'") == [("paused",)]
    assert last_audit(control) == ("operator", "operator", "paused", "acme", {"cadence": "weekly fri 03:00"})
    page = browser.get("/tenants/acme").text
    assert "Paused. When you resume, syncs run every week on Friday at 03:00 again." in text_of(page)
    assert ">Resume<" in page
    for _ in range(2):
        browser.post("/tenants/acme/resume")
        assert rows(control, "select cadence from control.tenants where key = 'acme'") == [("weekly fri 03:00",)]
    assert last_audit(control) == ("operator", "operator", "resumed", "acme", {"cadence": "weekly fri 03:00"})
    assert "Resumed. Syncs run every week on Friday at 03:00." in text_of(browser.get("/tenants/acme").text)


def test_a_disabled_one_is_enabled_by_operators_alone(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    control.execute("update control.tenants set enabled = false, cadence = 'weekly fri 03:00' where key = 'acme'")
    pages = {role: signed_in(role).get("/tenants/acme").text for role in Role}
    assert {role for role, html in pages.items() if ">Enable<" in html} == {Role.OPERATOR}
    assert not any(word in pages[Role.OPERATOR] for word in (">Sync now<", ">Pause<", ">Resume<"))
    assert "An operator can turn syncs back on with the Enable button." in text_of(pages[Role.CLIENT])
    for role in (Role.VIEWER, Role.CLIENT):
        assert signed_in(role).post("/tenants/acme/enable").status_code == 403
    browser, notices = signed_in(Role.OPERATOR), ("Enabled. Automatic syncs are on again.", "Already enabled.")
    written = len(rows(control, "select from control.audit"))
    for notice in notices:
        assert browser.post("/tenants/acme/enable").headers["location"] == "/tenants/acme"
        assert notice in text_of(browser.get("/tenants/acme").text)
    state = rows(control, "select enabled, cadence from control.tenants where key = 'acme'")
    assert state == [(True, "weekly fri 03:00")]
    assert last_audit(control) == ("operator", "operator", "enabled", "acme", {})
    assert len(rows(control, "select from control.audit")) == written + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cadence = 'paused'", "still paused"),
        ("connected_at = null", "Syncs start automatically once"),
    ],
)
def test_enabling_says_what_still_keeps_it_from_being_synced(
    signed_in: SignedIn, past: Past, control: psycopg.Connection, change: str, said: str
) -> None:
    control.execute(f"update control.tenants set enabled = false, {change} where key = 'acme'")  # pyright: ignore
    browser = signed_in(Role.OPERATOR)
    browser.post("/tenants/acme/enable")
    assert said in text_of(browser.get("/tenants/acme").text)
    control.execute("update control.tenants set connected_at = created_at where key = 'acme'")


def test_paused_by_the_schedules_form_it_goes_on_with_the_cadence_it_had_then(
    control: psycopg.Connection, signed_in: SignedIn, past: Past
) -> None:
    operator = signed_in(Role.OPERATOR)
    form = {**USUAL, "timezone": "UTC"}
    assert operator.post("/tenants/acme/pause").status_code == 303
    assert operator.post("/tenants/acme/resume").status_code == 303
    assert operator.post("/tenants/acme/schedule", {**form, "kind": "weekly"}).status_code == 303
    assert operator.post("/tenants/acme/schedule", {**form, "kind": "paused"}).status_code == 303
    assert last_audit(control) == ("operator", "operator", "paused", "acme", {"cadence": "weekly mon 02:00"})
    assert operator.post("/tenants/acme/resume").status_code == 303
    assert rows(control, "select cadence from control.tenants where key = 'acme'") == [("weekly mon 02:00",)]


def test_one_that_was_paused_elsewhere_goes_on_nightly(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    control.execute("update control.tenants set cadence = 'paused' where key = 'bolt'")
    signed_in(Role.OPERATOR).post("/tenants/bolt/resume")
    assert rows(control, "select cadence from control.tenants where key = 'bolt'") == [("nightly",)]


def test_a_sync_that_is_requested_during_another_says_that_it_waits(
    signed_in: SignedIn, past: Past, warehouse: Database
) -> None:
    recorder.record_start(past.connection, "acme", None, datetime.now(UTC), full=False)
    browser = signed_in(Role.OPERATOR)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        browser.post("/tenants/acme/sync", {"full": "1"})
        text = text_of(browser.get("/tenants/acme").text)
    assert "Full refresh requested. It starts after the sync that is running now." in text


def test_only_an_operator_pauses_and_resumes(signed_in: SignedIn, past: Past, control: psycopg.Connection) -> None:
    for role in (Role.VIEWER, Role.CLIENT):
        for action in ("pause", "resume"):
            assert signed_in(role).post(f"/tenants/acme/{action}").status_code == 403
    assert rows(control, "select cadence from control.tenants where key = 'acme'") == [("nightly",)]
    operator = signed_in(Role.OPERATOR)
    operator.post("/tenants/acme/resume")
    assert "This company is not paused." in text_of(operator.get("/tenants/acme").text)
