"""portal/web/intake.py: what comes in, and how it is refused."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starlette.applications import Starlette

from st_pipeline.portal import routes
from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.headers import HEADERS
from st_pipeline.portal.web.intake import FORM_TYPE, LARGEST_BODY, MOST_FIELDS
from st_pipeline.portal.web.service import Portal
from st_pipeline.portal.web.visit import Visit
from st_pipeline.settings import Settings
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn

CANARY = "canary-of-a-fault"


def failing(visit: Visit) -> None:
    raise RuntimeError("on purpose")


@pytest.fixture
def broken(settings: Settings, portal: Portal, app: Starlette, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    """The same application with a page that fails."""
    at_fault = page("/tenants/{key}/fault", failing, permission=Permission.PUBLIC)  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(routes, "PAGES", (at_fault, *routes.PAGES))
    return create_app(settings, portal)


def test_a_fault_is_a_page_with_the_headers_that_tells_nothing(
    broken: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = Browser(broken).get(f"/tenants/{CANARY}/fault?x={CANARY}")
    assert answer.status_code == 500
    assert "The error is on our side" in text_of(answer.text)
    assert "on purpose" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]
    assert "on purpose" in caplog.text
    assert CANARY not in caplog.text


def test_a_body_that_is_too_large_is_413_whatever_its_header_says(browser: Browser) -> None:
    body = b"name=" + b"x" * LARGEST_BODY
    told = browser.http.post("/sign-in", content=body, headers={"Content-Type": FORM_TYPE})

    def parts():
        for start in range(0, len(body), 8192):
            yield body[start : start + 8192]

    untold = browser.http.post("/sign-in", content=parts(), headers={"Content-Type": FORM_TYPE})
    for answer in (told, untold):
        assert answer.status_code == 413
        assert "What you entered is too long. Go back, shorten it, and try again." in text_of(answer.text)
    token = browser.token()
    most = f"form_token={token}&name=a&password=".encode()
    most += b"x" * (LARGEST_BODY - len(most))
    assert browser.http.post("/sign-in", content=most, headers={"Content-Type": FORM_TYPE}).status_code == 403


@pytest.mark.parametrize(
    "body", [b"name=a%00b", b"name=%FF", b"name=%ED%A0%80", b"na%00me=x", "name=ü".encode("latin-1"), b"a=&" * 300]
)
def test_what_is_no_text_is_400(browser: Browser, body: bytes) -> None:
    answer = browser.http.post("/sign-in", content=body, headers={"Content-Type": FORM_TYPE})
    assert answer.status_code == 400
    assert "could not be read" in text_of(answer.text)
    assert MOST_FIELDS < 300


@pytest.mark.parametrize("path", ["/%00", "/?q=%00", "/?q=%ff", "/tenants/%ff", "/sign-in?next=%00"])
def test_an_address_that_is_no_text_is_400(signed_in: SignedIn, path: str) -> None:
    assert signed_in(Role.OPERATOR).get(path).status_code == 400


def test_other_kinds_of_forms_are_400(browser: Browser) -> None:
    for kind in ("multipart/form-data; boundary=x", "application/json", ""):
        assert browser.http.post("/sign-in", content=b"{}", headers={"Content-Type": kind}).status_code == 400


def test_an_address_that_is_no_page_has_the_look_of_the_others(browser: Browser, signed_in: SignedIn) -> None:
    stranger, operator = (who.get("/no/such/page") for who in (browser, signed_in(Role.OPERATOR)))
    assert (stranger.status_code, operator.status_code) == (404, 404)
    assert "Sign out" not in stranger.text
    assert "Sign out" in operator.text
    assert browser.http.delete("/sign-in").status_code == 405


@given(st.dictionaries(st.sampled_from(["name", "password", "next", "form_token", "x"]), st.text(max_size=60)))
@examples(max_examples=40)
def test_whatever_is_sent_to_sign_in_is_no_fault(app: Starlette, form: dict[str, str]) -> None:
    form = {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}
    answer = Browser(app).http.post("/sign-in", data=form)
    assert answer.status_code in (400, 403)


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
@examples(max_examples=30)
def test_whatever_is_asked_of_the_overview_is_no_fault(
    app: Starlette, signed_in: SignedIn, q: str, show: str, sort: str, number: str
) -> None:
    texts = {"q": q, "show": show, "sort": sort, "page": number}
    query = {name: value.encode("utf-8", "replace").decode() for name, value in texts.items()}
    assert signed_in(Role.VIEWER).get("/", params=query).status_code in (200, 400)
