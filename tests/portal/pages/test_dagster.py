"""pages/dagster.py: on to the Dagster UI after signing in at the portal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.applications import Starlette

from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn


def test_an_operator_is_taken_to_the_page_that_asked(signed_in: SignedIn) -> None:
    answer = signed_in(Role.OPERATOR).get("/dagster?to=%2Fruns%2F1%3Fview%3Da%2520b")
    assert answer.headers["refresh"] == "0; url=http://127.0.0.1:3000/runs/1?view=a%20b"
    assert 'href="http://127.0.0.1:3000/runs/1?view=a%20b"' in answer.text


@pytest.mark.parametrize(
    "to", ["//evil.test", "http://evil.test", "@evil.test", "%5Cevil.test", "/a%0D%0Ab", ".evil.test"]
)
def test_it_leads_nowhere_else(signed_in: SignedIn, to: str) -> None:
    answer = signed_in(Role.OPERATOR).get(f"/dagster?to={to}")
    assert answer.headers["refresh"] == "0; url=http://127.0.0.1:3000/"


def test_signing_in_goes_on_to_it(browser: Browser) -> None:
    answer = browser.sign_in("operator", next="/dagster?to=%2Fassets")
    assert answer.headers["location"] == "/dagster?to=%2Fassets"


def test_an_address_that_gets_no_cookie_says_so_instead_of_going_back_and_forth(
    app: Starlette, portal: Portal, signed_in: SignedIn
) -> None:
    elsewhere = replace(portal, settings=replace(portal.settings, portal_url="https://sync.example.com"))
    cookie = signed_in(Role.OPERATOR).http.cookies["st_pipeline_session"]
    answer = Browser(create_app(elsewhere.settings, elsewhere)).take_session(cookie).get("/dagster")
    assert "refresh" not in answer.headers
    assert "same host name" in text_of(answer.text)
