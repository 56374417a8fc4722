"""portal/pages/signin.py: signing in and out, and what guards it: cookies, tokens, the throttle."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from cryptography.fernet import Fernet
from starlette.applications import Starlette

from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.people.throttle import PER_ADDRESS, PER_SOURCE
from st_pipeline.portal.web.cookies import DEVICE, Cookies
from st_pipeline.portal.web.service import Portal
from st_pipeline.secret import Secret
from tests.portal.browser import PASSWORD, Browser, signed, text_of
from tests.portal.conftest import SignedIn
from tests.portal.noted import noted

COOKIE = "st_pipeline_session"


def count(control: psycopg.Connection) -> int:
    row = control.execute("select count(*) from control.sessions").fetchone()
    assert row
    return row[0]


def test_who_has_an_account_signs_in_and_sees_the_overview(browser: Browser) -> None:
    assert browser.get("/").headers["location"] == "/sign-in"
    answer = browser.sign_in("operator")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert COOKIE in cookie
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Overview" in text_of(browser.get("/").text)


def test_a_name_is_the_same_in_capitals(browser: Browser) -> None:
    assert browser.sign_in(" Operator ").status_code == 303


def test_no_script_and_no_other_site_gets_to_the_cookies(browser: Browser) -> None:
    for sent in (browser.get("/sign-in"), browser.sign_in("operator")):
        written = [cookie for cookie in sent.headers.get_list("set-cookie") if "Max-Age=0" not in cookie]
        for cookie in written:
            assert "; HttpOnly;" in cookie
            assert "; SameSite=lax" in cookie
        ids = [cookie for cookie in written if not cookie.startswith(DEVICE)]
        assert len(ids) == 1
        assert "Max-Age" not in ids[0], "it goes with the browser"


def test_over_https_the_cookie_is_kept_from_plain_http(app: Starlette, browser: Browser) -> None:
    secure = Browser(app, url="https://portal.test")
    answer = secure.sign_in("operator")
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers
    assert "Secure" not in browser.sign_in("operator").headers["set-cookie"]


@pytest.mark.parametrize(
    ("name", "password"), [("operator", "wrong"), ("nobody", PASSWORD), ("operator", PASSWORD + " ")]
)
def test_a_wrong_name_and_a_wrong_password_are_refused_with_the_same_words(
    browser: Browser, control: psycopg.Connection, name: str, password: str
) -> None:
    before = count(control)
    answer = browser.sign_in(name, password)
    assert answer.status_code == 403
    assert "Wrong user name or password." in text_of(answer.text)
    assert password not in answer.text
    assert COOKIE not in answer.headers.get("set-cookie", "")
    assert count(control) == before


def test_what_was_typed_for_a_name_is_in_the_audit_only_if_there_is_such_an_account(
    browser: Browser, control: psycopg.Connection
) -> None:
    browser.sign_in("canary-typed-in-the-wrong-field", "x")
    browser.sign_in("viewer", "x")
    rows = control.execute("select actor, action, address from control.audit order by id desc limit 2").fetchall()
    assert rows == [("viewer", "sign-in refused", "192.0.2.10"), ("unknown", "sign-in refused", "192.0.2.10")]
    assert "canary" not in str(control.execute("select audit::text from control.audit").fetchall())


def test_an_address_is_throttled_after_too_many_tries_also_with_the_right_password(
    app: Starlette, browser: Browser
) -> None:
    for _ in range(PER_SOURCE):
        browser.sign_in("viewer", "wrong")
    answer = browser.sign_in("viewer")
    assert answer.status_code == 429
    assert browser.sign_in(" Viewer ").status_code == 429, "the same account"
    assert "Wait 15 minutes" in text_of(answer.text)
    assert browser.sign_in("operator").status_code == 303


def test_strangers_lock_no_one_out_who_signed_in_from_this_browser_before(app: Starlette, browser: Browser) -> None:
    assert browser.sign_in("viewer").status_code == 303
    browser.http.cookies.delete(COOKIE)
    for _ in range(PER_SOURCE):
        browser.portal_throttle_only(app, "viewer")
    assert Browser(app).sign_in("viewer").status_code == 429, "a stranger at the same address"
    browser.form_page = "/sign-in"
    assert browser.sign_in("viewer").status_code == 303


def test_a_forged_cookie_makes_no_browser_known(app: Starlette, portal: Portal, browser: Browser) -> None:
    device = portal.throttle.known_device("viewer", None)
    for _ in range(PER_SOURCE):
        browser.portal_throttle_only(app, "viewer")
    for value in (device, f"{device}.forged", portal.cookies.digest("viewer").hex()):
        browser.http.cookies.set(DEVICE, value, domain="portal.test")
        assert browser.sign_in("viewer").status_code == 429


def test_an_address_is_throttled_whatever_the_names(app: Starlette, browser: Browser) -> None:
    token = browser.token()
    for number in range(PER_ADDRESS):
        form = {"name": f"nobody{number}", "password": "x"}
        browser.portal_throttle_only(app, form["name"])
    assert browser.post("/sign-in", {"name": "operator", "password": PASSWORD}, token=token).status_code == 429
    assert Browser(app, "198.51.100.8").sign_in("operator").status_code == 303


def test_a_right_password_clears_the_tries_before_it(browser: Browser) -> None:
    for _ in range(2):
        for _ in range(PER_SOURCE - 1):
            browser.portal_throttle_only(browser.http.app, "operator")
        assert browser.sign_in("operator").status_code == 303
        browser.http.cookies.clear()


def test_signing_in_gives_a_new_session_and_ends_the_one_before(
    app: Starlette, browser: Browser, signed_in: SignedIn
) -> None:
    planted = signed_in(Role.VIEWER)
    cookie = planted.http.cookies[COOKIE]
    answer = planted.post("/sign-in", {"name": "operator", "password": PASSWORD})
    assert answer.status_code == 303
    assert planted.http.cookies[COOKIE] != cookie
    assert Browser(app).take_session(cookie).get("/").headers["location"] == "/sign-in"


def test_a_session_id_that_was_put_into_a_browser_is_not_taken_over(browser: Browser, portal: Portal) -> None:
    planted = signed(portal.cookies, "planted-by-somebody-else")
    browser.http.cookies.set(COOKIE, planted, domain="portal.test")
    assert browser.sign_in("operator").status_code == 303
    assert browser.http.cookies[COOKIE] != planted


def test_forged_cookies_are_no_session(app: Starlette, signed_in: SignedIn) -> None:
    good = signed_in(Role.OPERATOR).http.cookies[COOKIE]
    session_id, _, signature = good.rpartition(".")
    other_key = (Secret(Fernet.generate_key().decode()),)
    forged = [
        session_id,
        f"{session_id}.",
        f"{session_id}.{signature[:-2]}AA",
        f"x{session_id}.{signature}",
        signed(Cookies(other_key), session_id),
        "",
        ".",
        '\\"',
    ]
    for cookie in forged:
        assert Browser(app).take_session(cookie).get("/").headers.get("location") == "/sign-in", cookie
    assert Browser(app).take_session(good).get("/").status_code == 200


def test_the_audit_says_who_came_and_went(browser: Browser, control: psycopg.Connection) -> None:
    browser.sign_in(" Operator ")
    assert noted(control) == [("operator", "", "signed in", None, {})]
    browser.post("/password", {"present": "wrong", "new": "long enough it is", "again": "long enough it is"})
    assert noted(control) == [("operator", "operator", "password change refused", None, {})]
    browser.post("/sign-out")
    assert noted(control) == [("operator", "operator", "signed out", None, {})]


def test_signing_out_ends_the_session_on_the_server_too(app: Starlette, signed_in: SignedIn) -> None:
    browser = signed_in(Role.VIEWER)
    cookie = browser.http.cookies[COOKIE]
    answer = browser.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert Browser(app).take_session(cookie).get("/").headers["location"] == "/sign-in"


def test_a_disabled_account_is_out_at_once_and_stays_out(
    app: Starlette, browser: Browser, control: psycopg.Connection
) -> None:
    user = accounts.add(control, "leaving", Role.OPERATOR, Secret(PASSWORD), datetime.now(UTC))
    browser.sign_in("leaving")
    assert browser.get("/").status_code == 200
    accounts.disable(control, user, datetime.now(UTC))
    assert browser.get("/").headers["location"] == "/sign-in"
    assert Browser(app).sign_in("leaving").status_code == 403
    # One that began while the account was being disabled.
    late = sessions.start(control, datetime.now(UTC), user_id=user.id)
    assert sessions.read(control, late, datetime.now(UTC)) is None


@pytest.mark.parametrize("token", ["", "0" * 64, "é", None])
def test_a_form_without_the_token_of_its_session_is_refused(
    app: Starlette, signed_in: SignedIn, token: str | None
) -> None:
    browser = signed_in(Role.VIEWER)
    of_another = signed_in(Role.VIEWER).token("/nowhere") if token is None else token
    assert browser.post("/sign-out", token=of_another).status_code == 403
    assert browser.get("/").status_code == 200
    visitor = Browser(app)
    form = {"name": "operator", "password": PASSWORD}
    assert visitor.post("/sign-in", form, token=of_another).status_code == 403
    assert visitor.http.post("/sign-in", data=form).status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "\\\\evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
        "/\n/evil.test",
        "///evil.test",
        "//[",
        "evil.test",
        " //evil.test",
        "/x\r\nSet-Cookie: a=b",
    ],
)
def test_after_signing_in_nobody_is_sent_to_another_site(browser: Browser, signed_in: SignedIn, target: str) -> None:
    answer = browser.sign_in("operator", next=target)
    assert answer.headers["location"] == "/"
    already = signed_in(Role.OPERATOR).get("/sign-in", params={"next": target})
    assert already.headers["location"] == "/"


def test_after_signing_in_one_comes_to_the_page_one_asked_for(browser: Browser) -> None:
    location = browser.get("/?show=failed&q=a%20b").headers["location"]
    page = browser.get(location)
    assert 'value="/?show=failed&amp;q=a%20b"' in page.text
    assert browser.sign_in("operator", next="/?show=failed&q=a%20b").headers["location"] == "/?show=failed&q=a%20b"


def test_the_first_visitor_is_told_how_to_make_an_account(
    app: Starlette, browser: Browser, control: psycopg.Connection
) -> None:
    assert "st-pipeline users add" not in browser.get("/sign-in").text
    control.execute("update control.users set enabled = false")
    try:
        assert "st-pipeline users add NAME" in text_of(browser.get("/sign-in").text)
    finally:
        control.execute("update control.users set enabled = true")
