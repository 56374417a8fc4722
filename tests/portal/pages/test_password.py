"""portal/pages/password.py: changing one's own password."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.people.throttle import PER_SOURCE
from st_pipeline.portal.web.service import Portal
from st_pipeline.secret import Secret
from tests.portal.browser import PASSWORD, Browser, forget_tries, signed, text_of
from tests.portal.conftest import SignedIn
from tests.portal.noted import noted

COOKIE = "st_pipeline_session"


def test_a_new_password_ends_every_other_session_and_the_old_password(
    app: Starlette, browser: Browser, control: psycopg.Connection
) -> None:
    accounts.add(control, "changing", Role.VIEWER, Secret(PASSWORD), datetime.now(UTC))
    other = Browser(app)
    browser.sign_in("changing")
    other.sign_in("changing")
    before = browser.http.cookies[COOKIE]
    new = "another canary passphrase"
    answer = browser.post("/password", {"present": PASSWORD, "new": new, "again": new})
    assert answer.status_code == 303
    assert browser.http.cookies[COOKIE] != before
    assert noted(control) == [("changing", "viewer", "password changed", None, {})]
    assert "Password changed." in text_of(browser.get("/").text)
    assert "Password changed." not in text_of(browser.get("/").text)
    assert other.get("/").headers["location"] == "/sign-in"
    assert Browser(app).sign_in("changing").status_code == 403
    assert Browser(app).sign_in("changing", new).status_code == 303


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        (
            {"present": "not-mine-canary", "new": "long enough it is", "again": "long enough it is"},
            403,
            "not your current password",
        ),
        ({"present": PASSWORD, "new": "short", "again": "short"}, 400, "12 to 256 characters"),
        ({"present": PASSWORD, "new": "long enough it is", "again": "another one it is"}, 400, "do not match"),
        ({}, 400, "Enter a new password"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(
    browser: Browser, signed_in: SignedIn, control: psycopg.Connection, form: dict[str, str], status: int, said: str
) -> None:
    before = control.execute("select password_hash from control.users where name = 'viewer'").fetchone()
    answer = signed_in(Role.VIEWER).post("/password", form)
    assert answer.status_code == status
    assert said in text_of(answer.text)
    assert not [value for value in form.values() if value in answer.text]
    assert control.execute("select password_hash from control.users where name = 'viewer'").fetchone() == before


def test_who_has_no_password_is_told_where_it_is_changed_and_gets_none_here(
    app: Starlette, portal: Portal, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    user = accounts.add(control, "eve@example.com", Role.VIEWER, None, now)
    browser = Browser(app).take_session(signed(portal.cookies, sessions.start(control, now, user_id=user.id)))
    assert "with your sign-on provider" in text_of(browser.get("/password").text)
    form = {"present": PASSWORD, "new": "another good password", "again": "another good password"}
    assert browser.post("/password", form).status_code == 403
    assert not accounts.find(control, "eve@example.com").has_password
    assert browser.get("/").status_code == 200, "the session goes on"


def test_guesses_at_the_current_password_are_throttled_like_sign_ins(
    browser: Browser, app: Starlette, portal: Portal, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    user = accounts.add(control, "guessed", Role.VIEWER, Secret(PASSWORD), now)
    mine = Browser(app).take_session(signed(portal.cookies, sessions.start(control, now, user_id=user.id)))
    for _ in range(PER_SOURCE):
        browser.portal_throttle_only(app, "guessed")
    new = "another good password"
    answer = mine.post("/password", {"present": PASSWORD, "new": new, "again": new})
    assert answer.status_code == 429
    assert accounts.verify(control, "guessed", Secret(PASSWORD)) == user.id
    forget_tries(portal)
    assert mine.post("/password", {"present": PASSWORD, "new": new, "again": new}).status_code == 303
    assert accounts.verify(control, "guessed", Secret(new)) == user.id


def test_a_password_is_changed_by_its_account_alone_whatever_the_form_says(
    app: Starlette, portal: Portal, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    mine = accounts.add(control, "mine", Role.VIEWER, Secret(PASSWORD), now)
    forget_tries(portal)
    browser = Browser(app).take_session(signed(portal.cookies, sessions.start(control, now, user_id=mine.id)))
    new = "another good password"
    form = {"present": PASSWORD, "new": new, "again": new, "name": "operator", "user_id": "1"}
    assert browser.post("/password", form).status_code == 303
    assert accounts.verify(control, "operator", Secret(PASSWORD)) is not None
    assert accounts.verify(control, "mine", Secret(new)) == mine.id
