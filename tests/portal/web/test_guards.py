"""guards.py, over the application's own route table: a route that is new is covered by being there."""

from __future__ import annotations

import psycopg
import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.routing import Mount

from st_pipeline.portal.pages import elsewhere, signin_oidc
from st_pipeline.portal.people.roles import GRANTED, Permission, Role
from st_pipeline.portal.routes import PAGES
from st_pipeline.portal.web.guards import Page
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn

EVERY = (*PAGES, *signin_oidc.PAGES)
"""Those too that are there only where they are configured."""
OPEN = {"/sign-in", "/sign-in/oidc", "/sign-in/oidc/callback", "/healthz", "/metrics", "/invitation/{token}"}
"""What may be public; another is to be thought about first."""
GUARDED = [page for page in EVERY if page.permission is not Permission.PUBLIC]
CASES = [(page, method) for page in GUARDED for method in sorted(page.methods or ()) if method != "HEAD"]
OF_TENANTS = [(page, method) for page, method in CASES if "{key}" in page.path]


def names(cases: list[tuple[Page, str]]) -> list[str]:
    return [f"{method} {page.path}" for page, method in cases]


def address(page: Page, key: str) -> str:
    parts = [key if part == "{key}" else "1" if part.startswith("{") else part for part in page.path.split("/")]
    return "/".join(parts)


def send(browser: Browser, method: str, path: str) -> Response:
    return browser.post(path) if method == "POST" else browser.http.request(method, path)


def test_every_route_is_made_by_page_and_few_are_public(app: Starlette) -> None:
    for route in app.routes:
        if isinstance(route, Mount):
            assert route.path == "/static"
        else:
            assert isinstance(route, Page)
            assert set(route.methods or ()) <= {"GET", "HEAD", "POST"}
    assert {page.path for page in EVERY if page.permission is Permission.PUBLIC} == OPEN
    assert app.routes[-1] is elsewhere.PAGES[0]


def test_a_page_that_changes_something_is_no_viewers() -> None:
    for page, method in CASES:
        if method == "POST" and page.permission not in (Permission.OWN_ACCOUNT, Permission.OWN_PASSWORD):
            assert page.permission not in GRANTED[Role.VIEWER], f"POST {page.path}"


def test_operators_may_everything_and_clients_nothing_of_all() -> None:
    assert GRANTED[Role.OPERATOR] == set(Permission)
    assert not GRANTED[Role.CLIENT] & {Permission.SEE_ALL, Permission.ADMINISTER, Permission.OWN_PASSWORD}
    assert not GRANTED[Role.VIEWER] & {
        Permission.ADMINISTER, Permission.SYNC, Permission.CONNECT, Permission.SCHEDULE
    }  # fmt: skip


@pytest.mark.parametrize(("page", "method"), CASES, ids=names(CASES))
def test_without_a_session_there_is_the_sign_in_page_or_401(browser: Browser, page: Page, method: str) -> None:
    for key in ("acme", "no-such-tenant"):
        answer = send(browser, method, address(page, key))
        if method == "GET":
            assert answer.status_code == 303
            assert answer.headers["location"].split("?")[0] == "/sign-in"
        else:
            assert answer.status_code == 401
        live = browser.http.request(method, address(page, key), headers={"X-Live": "1"})
        assert live.status_code == 401


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CLIENT])
@pytest.mark.parametrize(("page", "method"), CASES, ids=names(CASES))
def test_what_a_role_may_not_do_is_refused(signed_in: SignedIn, page: Page, method: str, role: Role) -> None:
    if page.permission in GRANTED[role]:
        pytest.skip(f"a {role} may")
    answer = send(signed_in(role), method, address(page, "acme"))
    assert answer.status_code == 403
    assert "Your role does not allow this" in text_of(answer.text)


def test_a_client_gets_404_for_everything_of_another_tenant(signed_in: SignedIn) -> None:
    browser = signed_in(Role.CLIENT)
    for page, method in OF_TENANTS:
        another, none = (send(browser, method, address(page, key)) for key in ("bolt", "no-such-tenant"))
        assert (another.status_code, none.status_code) == (404, 404), f"{method} {page.path}"
        hide = (("bolt", "K"), ("no-such-tenant", "K"))
        texts = [answer.text for answer in (another, none)]
        for old, new in hide:
            texts = [text.replace(old, new) for text in texts]
        assert texts[0] == texts[1], "the answer tells whether there is such a tenant"


def test_a_tenant_that_is_not_there_is_404_for_operators(signed_in: SignedIn) -> None:
    browser = signed_in(Role.OPERATOR)
    for page, method in OF_TENANTS:
        assert send(browser, method, address(page, "no-such-tenant")).status_code == 404, f"{method} {page.path}"


def test_a_form_needs_its_token_on_every_route(signed_in: SignedIn) -> None:
    browser = signed_in(Role.OPERATOR)
    for page, method in CASES:
        if method == "POST":
            answer = browser.post(address(page, "acme"), token="0" * 64)
            assert answer.status_code == 403, page.path
            assert "This page has expired" in text_of(answer.text)


def test_a_session_of_a_revoked_invitation_is_none(signed_in: SignedIn, control: psycopg.Connection) -> None:
    browser = signed_in(Role.CLIENT)
    assert browser.get("/").status_code == 403
    control.execute("update control.invitations set revoked_at = now() where tenant = 'acme'")
    assert browser.get("/").headers["location"] == "/sign-in"


def test_a_notice_waits_for_a_page_that_somebody_looks_at_and_is_said_once(
    signed_in: SignedIn, control: psycopg.Connection
) -> None:
    browser = signed_in(Role.VIEWER)
    control.execute("update control.sessions set notices = array['A notice of the test.']")
    assert "A notice of the test." not in browser.get("/", headers={"X-Live": "1"}).text
    assert "A notice of the test." in browser.get("/").text
    assert "A notice of the test." not in browser.get("/").text


def test_a_page_that_asks_by_itself_keeps_no_session_alive(signed_in: SignedIn, control: psycopg.Connection) -> None:
    browser = signed_in(Role.VIEWER)
    control.execute("update control.sessions set seen_at = now() - interval '1 hour'")
    question = "select min(now() - seen_at) > interval '30 minutes' from control.sessions"
    assert browser.get("/", headers={"X-Live": "1"}).status_code == 200
    assert control.execute(question).fetchone() == (True,)
    assert browser.get("/").status_code == 200
    control.execute("delete from control.sessions where now() - seen_at > interval '30 minutes'")
    assert browser.get("/").status_code == 200
