"""portal/pages/health.py: whether the portal and its database answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.applications import Starlette

from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database
from st_pipeline.settings import Settings
from tests.portal.browser import Browser
from tests.portal.conftest import SignedIn


def test_the_health_page_is_for_everybody(app: Starlette, signed_in: SignedIn) -> None:
    assert Browser(app).get("/healthz").text == "ok\n"
    assert signed_in(Role.CLIENT).get("/healthz").text == "ok\n"
    assert Browser(app).get("/healthz").headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(browser: Browser, method: str) -> None:
    assert browser.http.request(method, "/healthz").status_code == 405


def test_without_a_database_it_is_not_ok(settings: Settings, warehouse: Database) -> None:
    portal = Portal.of(settings, replace(warehouse, host="127.0.0.1", port=1))
    portal.pool.timeout = 0.2
    portal.pool.open()
    try:
        answer = Browser(create_app(settings, portal)).get("/healthz")
    finally:
        portal.pool.close()
    assert answer.status_code == 503
    assert answer.text != "ok\n"
