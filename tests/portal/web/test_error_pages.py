"""error_pages.py: what people see when the database is gone, and where they go from there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.applications import Starlette

from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web import error_pages
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database
from st_pipeline.settings import Settings
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn


@pytest.fixture(scope="module")
def without_database(settings: Settings, warehouse: Database) -> Iterator[Browser]:
    portal = Portal.of(settings, replace(warehouse, host="127.0.0.1", port=1))
    portal.pool.timeout = 0.2
    portal.pool.open()
    yield Browser(create_app(settings, portal))
    portal.pool.close()


@pytest.mark.parametrize("path", ["/", "/alerts?shown=past&rule=%22stale%22", "/tenants/acme", "/sign-in"])
def test_a_page_without_a_database_says_so_and_leads_to_itself(without_database: Browser, path: str) -> None:
    answer = without_database.get(path)
    assert answer.status_code == 503
    assert "The database is not responding. Try again in a minute" in text_of(answer.text)
    assert f'href="{path.replace("&", "&amp;")}">Try again</a>' in answer.text
    assert "127.0.0.1" not in answer.text


def test_the_log_has_a_line_for_each_and_no_more(without_database: Browser, caplog: pytest.LogCaptureFixture) -> None:
    without_database.get("/alerts?rule=canary")
    (record,) = [one for one in caplog.records if one.name == error_pages.__name__]
    assert record.getMessage() == "GET /alerts: the database does not answer (PoolTimeout)"
    assert record.exc_info is None


def test_what_was_sent_without_a_database_is_not_sent_again_by_a_link(without_database: Browser) -> None:
    answer = without_database.post("/sign-in", {"name": "operator", "password": "x"}, token="0" * 64)
    assert answer.status_code == 503
    assert "Try again</a>" not in answer.text
    assert 'href="/sign-in"' in answer.text


def test_who_may_be_signed_in_is_led_to_the_start_where_nobody_was_asked_for(
    app: Starlette, signed_in: SignedIn
) -> None:
    browser = signed_in(Role.OPERATOR)
    refused = browser.http.delete("/alerts")
    assert refused.status_code == 405
    assert 'href="/sign-in">Go to the home page</a>' in refused.text
    assert browser.get("/sign-in").headers["location"] == "/"
    assert 'href="/sign-in">Sign in</a>' in Browser(app).http.delete("/alerts").text
