"""Every page in a real browser with axe-core: no serious violation of WCAG, in either scheme, wide or narrow; and what
the page's script does while somebody reads it.

axe-core comes with the package axe-playwright-python, for development only; nothing is loaded from elsewhere.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser
from starlette.applications import Starlette

from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.routes import PAGES
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database, connect
from st_pipeline.settings import Settings
from st_pipeline.tenants.model import Status
from tests.portal.browser import signed
from tests.portal.browser_chromium import NONE, Person, chromium, launched
from tests.portal.browser_world import World, fill
from tests.support.past import Past

pytestmark = pytest.mark.skipif(chromium() is None, reason=NONE)

GRAVE = ("serious", "critical")
LOOKS = {"light and wide": ("light", 1280), "dark and narrow": ("dark", 390)}
NO_PAGES = (".csv", "/metrics", "/healthz", "/status", "/preview")
"""Files, and parts of a page that are asked for by it."""


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """With the Dagster UI where the page that leads there stays open."""
    return replace(settings, dagster_url="http://dagster.test:3000")


@pytest.fixture(scope="module")
def world(app: Starlette, warehouse: Database) -> World:
    """Acme is connected and has a bit of everything; bolt has keys and waits to be connected."""
    with connect(warehouse, autocommit=True) as control:
        found = fill(control, "ServiceTitan did not answer")
        Past(control).found("bolt", Status.NOT_CONNECTED, "not approved", datetime.now(UTC))
    return found


@pytest.fixture(scope="module")
def base(app: Starlette, world: World) -> Iterator[str]:
    """The application behind a real server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def operator(portal: Portal, warehouse: Database, world: World) -> str:
    """The cookie of an operator's session."""
    with connect(warehouse, autocommit=True) as control:
        now = datetime.now(UTC)
        return signed(portal.cookies, sessions.start(control, now, user_id=accounts.find(control, "operator").id))


def addresses(world: World) -> list[str]:
    """Every page of the route table, and some in another state."""
    paths = {page.path: page for page in PAGES if "GET" in (page.methods or ()) and not page.path.endswith(NO_PAGES)}
    found = [world.address(page, "acme") for page in paths.values()]
    waiting = ["/tenants/bolt", "/tenants/bolt/connect", "/tenants/bolt/credentials"]
    return [*found, *waiting, "/?show=failed", "/?q=nobody", "/no/such/page", "/tenants/acme/syncs?outcome=running"]


def come(chrome: Browser, base: str, look: str, cookie: str | None) -> Person:
    scheme, width = LOOKS[look]
    person = Person.new(chrome, base, scheme=scheme, width=width, zone="Europe/Berlin")
    if cookie:
        person.page.context.add_cookies([{"name": "st_pipeline_session", "value": cookie, "url": base}])
    return person


@pytest.mark.parametrize("look", ["light and wide", pytest.param("dark and narrow", marks=pytest.mark.acceptance)])
def test_axe_finds_nothing_serious_on_any_page(
    chrome: Browser, base: str, world: World, operator: str, look: str
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.base", reason="axe-playwright-python is not installed: axe-core was not asked"
    )
    script = (axe.AXE_FILE_PATH).read_text()
    found: list[str] = []
    for cookie, paths in ((operator, addresses(world)), (None, ["/sign-in", "/no/such/page"])):
        person = come(chrome, base, look, cookie)
        for path in paths:
            assert ("Sign out" in person.go(path)) == bool(cookie), path
            person.page.evaluate(script)
            result: dict[str, Any] = person.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            assert result["testEngine"]["name"] == "axe-core"
            found += [
                f"{path}: {one['id']} ({one['impact']}): {node['html'][:150]} {node['failureSummary'][:200]}"
                for one in result["violations"]
                if one["impact"] in GRAVE
                for node in one["nodes"]
            ]
    assert found == []


def test_no_page_is_wider_than_a_phone_and_none_breaks_its_own_policy(
    chrome: Browser, base: str, world: World, operator: str
) -> None:
    person = come(chrome, base, "dark and narrow", operator)
    wide: list[tuple[str, int]] = []
    for path in addresses(world):
        assert "Sign out" in person.go(path)
        width = person.page.evaluate("document.scrollingElement.scrollWidth")
        if width > 390:
            wide.append((path, width))
    assert wide == []
    # The browser itself tells of pages that are none.
    assert [text for text in person.complaints if "404 (Not Found)" not in text] == []


def test_what_is_live_stays_as_the_reader_left_it(
    chrome: Browser, base: str, world: World, operator: str, warehouse: Database
) -> None:
    person = come(chrome, base, "light and wide", operator)
    with connect(warehouse, autocommit=True) as control:
        control.execute("delete from control.incidents where rule = 'quarantine'")
        for number in range(2):
            control.execute(
                """
                insert into control.incidents (key, rule, tenant, severity, what, advice, link, since, opened_at,
                    last_seen_at)
                values (%s, 'quarantine', 'acme', 'can_wait', 'Set aside.', 'Look.', '', now(), now(), now())
                """,
                (f"acme {number}",),
            )
        person.go("/tenants/acme")
        page = person.page
        page.click("#can-wait summary")
        page.evaluate("document.querySelector('#status').isTheFirst = true")
        with page.expect_response("**/tenants/acme/status"):
            pass
        # Nothing is new: nothing was replaced, so that what was chosen with the mouse is chosen still.
        assert page.evaluate("document.querySelector('#status').isTheFirst")
        control.execute("update control.incidents set what = 'Set aside, anew.' where rule = 'quarantine'")
        page.get_by_text("Set aside, anew.").first.wait_for()
        assert page.evaluate("document.querySelector('#status').isTheFirst") is None
        assert page.evaluate("document.querySelector('#can-wait').open")
        control.execute("delete from control.incidents where rule = 'quarantine'")


def test_every_field_has_a_label_and_every_page_a_title_and_one_heading(
    chrome: Browser, base: str, world: World, operator: str
) -> None:
    person = come(chrome, base, "light and wide", operator)
    titles: dict[str, str] = {}
    for path in addresses(world):
        person.go(path)
        page = person.page
        assert page.locator("h1").count() == 1, path
        assert page.locator("main#main").count() == 1, path
        titles[path.split("?")[0]] = page.title()
        unlabelled = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
            ".filter(one => !one.labels.length).map(one => one.outerHTML)"
        )
        assert unlabelled == [], path
        filled = page.evaluate("[...document.querySelectorAll('input[type=password]')].filter(one => one.value).length")
        assert filled == 0, path
    of_acme = [title for path, title in titles.items() if "bolt" not in path and path != "/sign-in"]
    assert len(set(of_acme)) == len(of_acme)
