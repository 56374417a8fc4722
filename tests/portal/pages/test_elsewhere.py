"""portal/pages/elsewhere.py: addresses that are no page."""

from __future__ import annotations

import pytest

from st_pipeline.portal.people.roles import Role
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn

PATHS = ("/no/such/page", "/tenants", "/tenants/acme/nothing", "/sign-in/", "/.env", "/wp-login.php", "/x" * 400)


@pytest.mark.parametrize("path", PATHS)
def test_an_address_that_is_no_page_is_404_for_everybody(browser: Browser, signed_in: SignedIn, path: str) -> None:
    for who in (browser, signed_in(Role.OPERATOR), signed_in(Role.CLIENT)):
        answer = who.get(path)
        assert answer.status_code == 404
        assert "text/html" in answer.headers["content-type"]


def test_it_looks_like_the_other_pages_to_those_who_are_signed_in(browser: Browser, signed_in: SignedIn) -> None:
    stranger, operator, client = (
        text_of(who.get("/no/such/page").text) for who in (browser, signed_in(Role.OPERATOR), signed_in(Role.CLIENT))
    )
    assert "Sign out" not in stranger
    assert "Sign out" in operator
    assert "Audit" in operator
    assert "Audit" not in client


def test_what_was_asked_for_is_not_repeated(browser: Browser) -> None:
    answer = browser.get("/canary<script>alert(1)</script>?q=canary")
    assert answer.status_code == 404
    assert "canary" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_sent_to_an_address_that_is_no_page(browser: Browser, method: str) -> None:
    assert browser.http.request(method, "/no/such/page").status_code == 405
