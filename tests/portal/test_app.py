"""portal/app.py: the application put together: what wraps the pages, and whom it believes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from psycopg_pool import PoolClosed
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from st_pipeline.portal.app import STATIC, create_app
from st_pipeline.portal.pages import elsewhere
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.errors import VaultKeyInvalid
from tests.portal.browser import Browser


def test_a_host_header_is_written_nowhere(browser: Browser) -> None:
    for path in ("/", "/sign-in", "/sign-in/", "/static", "/no"):
        answer = browser.get(path, headers={"Host": "canary.test", "X-Forwarded-Host": "canary.test"})
        assert "canary.test" not in answer.text + str(answer.headers)


def test_a_proxy_is_believed_only_where_it_is_trusted(
    settings: Settings, portal: Portal, browser: Browser, app: Starlette
) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    behind = create_app(replace(settings, portal_trusted_proxies=("192.0.2.0/24",)), portal)
    for who, is_believed in ((browser, False), (Browser(behind), True), (Browser(behind, "198.51.100.1"), False)):
        answer = who.get("/sign-in", headers=forwarded)
        assert ("secure" in answer.headers["set-cookie"].lower()) is is_believed
        assert ("strict-transport-security" in answer.headers) is is_believed


def test_nothing_but_pages_and_static_files_is_served_and_unknown_addresses_come_last(app: Starlette) -> None:
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]
    assert app.routes[-1] is elsewhere.PAGES[0]


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"])
def test_static_files_are_those_of_the_folder_alone(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 404
    assert browser.get("/static/portal.css").text == (STATIC / "portal.css").read_text()


def test_a_path_with_another_slash_is_no_redirect_to_the_host_it_was_asked_for(browser: Browser) -> None:
    answer = browser.get("/sign-in/", headers={"Host": "elsewhere.test"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_connections_open_with_the_application_and_close_with_it(settings: Settings, warehouse: Database) -> None:
    portal = Portal.of(settings, warehouse)
    with TestClient(create_app(settings, portal), base_url="http://portal.test") as client:
        assert client.get("/healthz").text == "ok\n"
        assert not portal.pool.closed
    assert portal.pool.closed
    with pytest.raises(PoolClosed), portal.pool.connection():
        pass


def test_a_key_that_is_no_key_stops_the_application_at_its_start(settings: Settings, warehouse: Database) -> None:
    with pytest.raises(VaultKeyInvalid) as raised:
        Portal.of(replace(settings, secret_keys=(Secret("canary-no-key"),)), warehouse)
    assert "ST_PIPELINE_SECRET_KEYS" in str(raised.value)
    assert "canary" not in str(raised.value)
