"""pages/signin_oidc.py: the whole way, with a browser, the application and a provider, each over its own door.

What of the provider's answers is believed is test_oidc.py, which account it opens test_bindings.py.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
import pytest
import requests
from httpx2 import Response
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import Response as Sent

from st_pipeline.portal.oidc import provider
from st_pipeline.portal.oidc.provider import CALLBACK, START
from st_pipeline.portal.oidc.sign_in_attempt import Attempt
from st_pipeline.portal.pages import signin_oidc
from st_pipeline.portal.pages.signin_oidc import ATTEMPT, LIVES
from st_pipeline.portal.people import accounts, bindings
from st_pipeline.portal.people.roles import Permission, Role
from st_pipeline.portal.people.throttle import PER_ADDRESS
from st_pipeline.portal.web.guards import Page
from st_pipeline.portal.web.service import Portal
from st_pipeline.secret import Secret
from st_pipeline.settings import OpenIdClient, Settings
from tests.portal.browser import PASSWORD, Browser, forget_tries, text_of, try_only
from tests.portal.conftest import SignedIn
from tests.portal.connecting import everything
from tests.portal.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, send, serving
from tests.support.waiting import PATIENCE_SECONDS

COOKIE = "st_pipeline_session"
TARGETS = ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", "/\t/evil.test", "///evil.test",
           " //evil.test", "/x\r\nSet-Cookie: a=b", "/" + "x" * 5000]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[OidcProvider]:
    with serving() as provider:
        yield provider


@pytest.fixture(scope="module")
def settings(settings: Settings, server: OidcProvider) -> Settings:
    """Where people sign in at ``server``."""
    client = OpenIdClient(server.issuer, CLIENT_ID, Secret(CLIENT_SECRET))
    return replace(settings, portal_url="http://portal.test", portal_oidc=client)


@pytest.fixture
def there(server: OidcProvider, portal: Portal, control: psycopg.Connection, app: Starlette) -> OidcProvider:
    """The provider as at first, and accounts that nobody came to yet: an operator, a viewer, one that is disabled."""
    assert portal.provider
    portal.provider._metadata = portal.provider._keys = None
    now = datetime.now(UTC)
    control.execute("delete from control.users where name like '%@example.com'")
    accounts.add(control, "ann@example.com", Role.OPERATOR, None, now)
    accounts.add(control, "viv@example.com", Role.VIEWER, None, now)
    accounts.disable(control, accounts.add(control, "out@example.com", Role.OPERATOR, None, now), now)
    return server.reset()


def go(browser: Browser, next: str | None = None) -> str:
    """Begin at the portal and say yes at the provider; the address that the provider sends the browser to."""
    answer = browser.get(START, params={"next": next} if next else {})
    assert answer.status_code == 303, text_of(answer.text)
    return requests.get(answer.headers["location"], allow_redirects=False, timeout=60).headers["Location"]


def sign_in(browser: Browser, next: str | None = None) -> Response:
    back = urlsplit(go(browser, next))
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"http://portal.test{CALLBACK}"
    return browser.get(f"{back.path}?{back.query}")


def is_in(browser: Browser) -> bool:
    return browser.get("/").status_code == 200


def audited(control: psycopg.Connection) -> tuple[str, str, dict[str, str]]:
    """Actor, action and detail of the newest entry."""
    row = control.execute("select actor, action, detail from control.audit order by id desc limit 1").fetchone()
    assert row
    return row


def refused(answer: Response, status: int) -> str:
    """What the page says; nobody got in by it, and the attempt is over."""
    assert answer.status_code == status, text_of(answer.text)
    cookies = answer.headers.get_list("set-cookie")
    assert not [cookie for cookie in cookies if cookie.startswith(COOKIE)]
    assert [cookie for cookie in cookies if cookie.startswith(f'{ATTEMPT}="";') and "Max-Age=0" in cookie]
    assert 'action="/sign-in"' in answer.text
    return text_of(answer.text)


def test_who_has_an_account_gets_in_with_a_new_session_and_the_audit_says_how(
    browser: Browser, there: OidcProvider, control: psycopg.Connection
) -> None:
    page = browser.get("/sign-in?next=/audit").text
    link = unescape(page.split('class="button plain" href="')[1].split('"')[0])
    assert link == f"{START}?next=%2Faudit"
    assert f"Sign in with {urlsplit(there.issuer).netloc}" in text_of(page)
    answer = sign_in(browser, "/audit")
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    bound = {"through": "OpenID Connect", "bound": "to this identity"}
    assert audited(control) == ("ann@example.com", "signed in", bound)
    assert "ann@example.com operator" in text_of(browser.get("/").text)
    assert accounts.find(control, "ann@example.com").signed_in_at


def test_the_second_sign_in_goes_by_the_subject_whatever_the_address(
    browser: Browser, app: Starlette, there: OidcProvider, control: psycopg.Connection
) -> None:
    sign_in(browser)
    there.person |= {"email": "ann@married.example.com", "email_verified": False}
    again = Browser(app)
    assert sign_in(again).status_code == 303
    assert audited(control) == ("ann@example.com", "signed in", {"through": "OpenID Connect"})
    assert is_in(again)
    assert is_in(browser)


def test_an_account_with_a_password_keeps_it_and_its_role(
    browser: Browser, app: Starlette, there: OidcProvider, control: psycopg.Connection
) -> None:
    viv = accounts.find(control, "viv@example.com")
    accounts.set_password(control, viv.id, Secret(PASSWORD), datetime.now(UTC))
    there.person |= {"sub": "viv", "email": "Viv@Example.COM"}
    assert sign_in(browser).status_code == 303
    assert browser.get("/tenants/new").status_code == 403
    assert Browser(app).sign_in("viv@example.com").status_code == 303


def test_the_session_that_was_there_ends(
    app: Starlette, browser: Browser, there: OidcProvider, signed_in: SignedIn
) -> None:
    back = go(browser)
    before = signed_in(Role.VIEWER).http.cookies[COOKIE]
    browser.take_session(before)
    browser.get(back.removeprefix("http://portal.test"))
    assert browser.http.cookies[COOKIE] != before
    assert not is_in(Browser(app).take_session(before))
    assert is_in(browser)


def test_who_is_signed_in_already_goes_on(there: OidcProvider, signed_in: SignedIn) -> None:
    for target, location in [("/audit", "/audit"), ("", "/"), *((target, "/") for target in TARGETS[:-1])]:
        answer = signed_in(Role.OPERATOR).get(START, params={"next": target})
        assert (answer.status_code, answer.headers["location"]) == (303, location)


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_nobody_is_sent_to_another_site(browser: Browser, there: OidcProvider, target: str) -> None:
    answer = sign_in(browser, target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_the_cookie_of_an_attempt_is_short_lived_hidden_and_sent_to_its_own_pages_alone(
    browser: Browser, app: Starlette, there: OidcProvider
) -> None:
    cookie = browser.get(START).headers["set-cookie"]
    for part in (f"{ATTEMPT}=", "HttpOnly", "Max-Age=600", f"Path={START}", "SameSite=lax"):
        assert part.lower() in cookie.lower()
    assert "Secure" not in cookie
    assert "Secure" in Browser(app, url="https://portal.test").get(START).headers["set-cookie"]
    assert len(cookie) < 4096


REFUSED = {
    "unverified": ({"email_verified": False}, "has not verified your email address"),
    "verified is missing": ({"email_verified": None}, "has not verified your email address"),
    "no address": ({"email": None}, "did not send your email address"),
    "unknown": ({"email": "zoe@example.com"}, "st-pipeline users add zoe@example.com --without-password"),
    "disabled": ({"email": "out@example.com"}, "st-pipeline users enable out@example.com"),
    "script": ({"email": "<script>alert(1)</script>@x"}, "cannot be used as an account name"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_who_has_no_account_to_sign_in_to_is_told_what_to_do(
    browser: Browser, there: OidcProvider, control: psycopg.Connection, kind: str
) -> None:
    person, words = REFUSED[kind]
    there.person = {name: value for name, value in (there.person | person).items() if value is not None}
    answer = sign_in(browser)
    assert words in refused(answer, 403)
    assert "<script>alert" not in answer.text
    assert not is_in(browser)
    actor, action, detail = audited(control)
    assert (actor, action) == ("out@example.com" if kind == "disabled" else "unknown", "sign-in refused")
    assert detail.get("e-mail") == there.person.get("email")
    assert control.execute("select from control.users where oidc_subject is not null").fetchall() == []


def test_another_subject_with_the_address_is_refused_with_what_an_operator_can_do(
    browser: Browser, app: Starlette, there: OidcProvider
) -> None:
    sign_in(browser)
    there.person["sub"] = "subject-2"
    other = Browser(app)
    assert "st-pipeline users unbind ann@example.com" in refused(sign_in(other), 403)
    assert not is_in(other)
    assert is_in(browser)


def test_a_callback_that_was_not_begun_here_is_refused(
    browser: Browser, app: Starlette, there: OidcProvider, portal: Portal, control: psycopg.Connection
) -> None:
    back = go(browser).removeprefix("http://portal.test")
    code = dict(parse_qsl(urlsplit(back).query))["code"]
    other = Browser(app)
    other.get(START)
    state = dict(parse_qsl(urlsplit(go(other)).query))["state"]
    for who, path in [
        (Browser(app), back),  # a stranger's browser, and one that began another attempt
        (other, back),
        (browser, CALLBACK),
        (browser, f"{CALLBACK}?code={code}"),
        (browser, f"{CALLBACK}?code={code}&state="),
        (browser, f"{CALLBACK}?code={code}&state=%C3%A9"),
        (browser, f"{CALLBACK}?code={code}&state={state}"),
        (browser, f"{CALLBACK}?error=access_denied&state={state}"),
    ]:
        if who is browser:
            back = go(browser).removeprefix("http://portal.test")
        there.asked.clear()
        words = refused(who.get(path), 400)
        assert "started in another browser" in words
        assert "http://portal.test" in words
        assert there.asked == [], "the provider is not shown what is not ours"
        assert audited(control) == (
            "unknown",
            "sign-in refused",
            {"through": "OpenID Connect", "why": "expired, already used, or started in another browser"},
        )  # fmt: skip
        assert not is_in(who)


def test_a_callback_counts_once_also_with_the_cookie_put_back(
    browser: Browser, app: Starlette, there: OidcProvider
) -> None:
    back = go(browser).removeprefix("http://portal.test")
    attempt = browser.http.cookies[ATTEMPT]
    assert browser.get(back).status_code == 303
    assert ATTEMPT not in browser.http.cookies
    again = Browser(app)
    refused(again.get(back), 400)
    answer = again.get(back, headers={"Cookie": f"{ATTEMPT}={attempt}"})
    assert "rejected the sign-in" in refused(answer, 403)
    assert not is_in(again)


def planted(portal: Portal, attempt: Attempt, at: datetime) -> str:
    """The cookie of an attempt as this portal would have written it then."""
    response = Sent()
    portal.cookies.write_value(response, ATTEMPT, asdict(attempt), at, LIVES, path=START, is_secure=False)
    return response.headers["set-cookie"].split(";")[0]


def test_an_attempt_ends_after_ten_minutes_and_only_our_own_signature_counts(
    app: Starlette, browser: Browser, there: OidcProvider, portal: Portal
) -> None:
    now = datetime.now(UTC)
    attempt = Attempt.new("/")
    path = f"{CALLBACK}?state={attempt.state}&code=x"
    fresh = planted(portal, attempt, now - LIVES + timedelta(minutes=1))
    assert "rejected the sign-in" in refused(browser.get(path, headers={"Cookie": fresh}), 403)
    name, _, value = fresh.partition("=")
    session_id = portal.cookies._signer.sign(value.rsplit(".", 1)[0]).decode()
    for cookie in (planted(portal, attempt, now - LIVES), f"{name}={value[:-2]}AA", f"{name}={session_id}", f"{name}=.",
                   f"{name}=", f"{name}=e30.x", f"{name}={'0' * 5000}"):  # fmt: skip
        refused(Browser(app).get(path, headers={"Cookie": cookie}), 400)
    as_session = Browser(app).take_session(value)
    assert not is_in(as_session)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "The sign-in was canceled or declined"),
        ("server_error", "rejected the sign-in"),
        ("canary<script>\r\nSet-Cookie: a=b", "rejected the sign-in"),
    ],
)
def test_a_no_from_the_provider_is_told_and_its_words_are_not_repeated(
    browser: Browser, there: OidcProvider, control: psycopg.Connection, caplog: pytest.LogCaptureFixture,
    error: str, words: str,
) -> None:  # fmt: skip
    there.deny = error
    answer = sign_in(browser, "/audit")
    assert words in refused(answer, 403)
    assert f"{START}?next=%2Faudit" in answer.text
    assert "canary" not in answer.text + str(answer.headers) + str(audited(control)) + caplog.text
    assert audited(control)[2]["why"] in ("denied at the provider", "refused by the provider")


def test_an_answer_with_another_issuers_name_or_without_a_code_is_not_shown_to_the_provider(
    browser: Browser, there: OidcProvider
) -> None:
    for more, status in (({"iss": "https://evil.test"}, 502), ({"code": ""}, 403)):
        back = urlsplit(go(browser))
        there.asked.clear()
        refused(browser.get(f"{CALLBACK}?{urlencode(dict(parse_qsl(back.query)) | more)}"), status)
        assert there.asked == []
    back = urlsplit(go(browser))
    assert browser.get(f"{CALLBACK}?{back.query}&iss={quote(there.issuer, safe='')}").status_code == 303


@pytest.mark.parametrize("claims", [{"aud": "x"}, {"iss": "https://evil.test"}, {"exp": 1}, {"nonce": "x"}], ids=str)
def test_a_token_that_cannot_be_trusted_lets_nobody_in(
    browser: Browser, there: OidcProvider, control: psycopg.Connection, caplog: pytest.LogCaptureFixture,
    claims: dict[str, object],
) -> None:  # fmt: skip
    there.claims = claims
    assert "you were not signed in" in refused(sign_in(browser), 502)
    assert audited(control)[2]["why"] == "provider not trusted"
    assert next(iter(claims)) in caplog.text
    assert not is_in(browser)


def test_a_provider_that_fails_slowly_or_at_once_is_told_so_and_a_password_still_does(
    browser: Browser, there: OidcProvider, monkeypatch: pytest.MonkeyPatch, portal: Portal
) -> None:
    back = go(browser).removeprefix("http://portal.test")
    over = threading.Event()
    monkeypatch.setattr(provider, "SECONDS", 0.1)
    there.answers = {"/token": lambda handler: send(handler, 500, b"canary")}
    assert "The provider is not responding" in refused(browser.get(back), 503)
    assert portal.provider
    portal.provider._metadata = None

    def never(handler: BaseHTTPRequestHandler) -> None:
        over.wait(PATIENCE_SECONDS)

    there.answers = {"/.well-known/openid-configuration": never}
    answer = browser.get(START)
    over.set()
    assert answer.status_code == 503
    assert "The provider is not responding" in text_of(answer.text)
    assert ATTEMPT not in browser.http.cookies
    assert browser.sign_in("viewer").status_code == 303


def test_callbacks_are_throttled_by_address(
    browser: Browser, app: Starlette, there: OidcProvider, portal: Portal
) -> None:
    for number in range(PER_ADDRESS):
        try_only(portal, f"somebody{number}", "192.0.2.10")
    assert "Wait 15 minutes" in refused(sign_in(browser), 429)
    assert not is_in(browser)
    assert sign_in(Browser(app, "198.51.100.9")).status_code == 303


def test_too_many_wrong_passwords_do_not_keep_out_who_is_proved_by_the_provider(
    browser: Browser, there: OidcProvider, portal: Portal
) -> None:
    for _ in range(20):
        try_only(portal, "ann@example.com", "203.0.113.66")
    assert sign_in(browser).status_code == 303


def test_disabling_and_unbinding_end_what_was_signed_in(
    browser: Browser, there: OidcProvider, control: psycopg.Connection
) -> None:
    user = accounts.find(control, "ann@example.com")
    for act in (bindings.unbind, accounts.disable):
        sign_in(browser)
        assert is_in(browser)
        act(control, user, datetime.now(UTC))
        assert not is_in(browser)
    assert "disabled" in refused(sign_in(browser), 403)


def test_no_secret_is_written_anywhere(
    app: Starlette, there: OidcProvider, control: psycopg.Connection, caplog: pytest.LogCaptureFixture, portal: Portal
) -> None:
    pages = ""
    with caplog.at_level(logging.DEBUG):
        for claims in ({"email": None}, {"nonce": "another"}):
            there.claims = claims
            visitor = Browser(app)
            answer = sign_in(visitor)
            pages += answer.text + str(answer.headers.get("location"))
            pages += visitor.get("/audit").text + visitor.get("/sign-in").text
    # The browser's own library, and that of the person at the provider, log addresses; ours must not.
    logged = "".join(
        text
        for name, text in ((one.name, one.getMessage()) for one in caplog.records)
        if not name.startswith("httpx") and "/authorize" not in text
    )
    assert "sign-in through OpenID Connect failed" in logged
    written = everything(control)
    assert "signed in" in written
    for secret in (*there.seen, CLIENT_SECRET, "canary-access", "canary-code"):
        assert secret not in written
        assert secret not in pages
        assert secret not in logged
    assert CLIENT_SECRET not in repr(portal)


def test_only_these_two_come_with_a_provider_and_without_one_they_are_not_there(
    app: Starlette, server_settings: Settings, there: OidcProvider, portal: Portal
) -> None:
    from st_pipeline.portal.app import create_app

    own = {route.path for route in app.routes if isinstance(route, Page)}
    without = create_app(server_settings, replace(portal, provider=None))
    assert own - {route.path for route in without.routes if isinstance(route, Page)} == {START, CALLBACK}
    for route in signin_oidc.PAGES:
        assert (route.permission, route.methods) == (Permission.PUBLIC, {"GET", "HEAD"})
    browser = Browser(without)
    for path in (START, CALLBACK, f"{CALLBACK}?code=x&state=y"):
        assert browser.get(path).status_code == 404
    assert START not in browser.get("/sign-in").text


NAMES = st.sampled_from(["state", "code", "error", "error_description", "iss", "next", "scope"])
TEXTS = st.one_of(
    st.sampled_from(["", "x\r\nSet-Cookie: canary=1", "<canary>", "//evil.test", "9" * 3000, "é", "%s", "a\tb"]),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30),
)


@examples(max_examples=40, database=None)
@given(query=st.dictionaries(NAMES, TEXTS), is_begun=st.booleans())
def test_no_parameter_makes_a_fault_a_header_or_a_way_elsewhere(
    app: Starlette, there: OidcProvider, portal: Portal, query: dict[str, str], is_begun: bool
) -> None:
    forget_tries(portal)
    browser, attempt = Browser(app), Attempt.new("/")
    headers = {"Cookie": planted(portal, attempt, datetime.now(UTC))} if is_begun else {}
    if is_begun:
        query = {**query, "state": attempt.state}
    for path in (CALLBACK, START):
        answer = browser.get(f"{path}?{urlencode(query)}", headers=headers)
        # 502: an issuer's name that is another's.
        assert answer.status_code in ((400, 403, 502) if path == CALLBACK else (303,))
        assert "canary=" not in str(answer.headers)
        assert "<canary>" not in answer.text
        location = answer.headers.get("location", "/")
        assert location.startswith(("/", f"{there.issuer}/authorize?"))
        assert location.isprintable()
