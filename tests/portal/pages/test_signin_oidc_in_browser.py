"""Signing in through a provider in a real browser: what policies, cookies and redirects across sites do there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette

from st_pipeline.portal.people import accounts
from st_pipeline.portal.people.roles import Role
from st_pipeline.secret import Secret
from st_pipeline.settings import OpenIdClient, Settings
from tests.portal.browser_chromium import NONE, Person, chromium, launched
from tests.portal.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, serving

pytestmark = pytest.mark.skipif(chromium() is None, reason=NONE)


@pytest.fixture(scope="module")
def server() -> Iterator[OidcProvider]:
    with serving() as provider:
        # Another site than the portal's, as in life: cookies of the portal are those of a site that links to it.
        provider.issuer = provider.issuer.replace("127.0.0.1", "localhost")
        yield provider


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(scope="module")
def settings(settings: Settings, server: OidcProvider, listener: socket.socket) -> Settings:
    client = OpenIdClient(server.issuer, CLIENT_ID, Secret(CLIENT_SECRET))
    return replace(settings, portal_url=f"http://127.0.0.1:{listener.getsockname()[1]}", portal_oidc=client)


@pytest.fixture(scope="module")
def base(app: Starlette, settings: Settings, listener: socket.socket) -> Iterator[str]:
    served = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=served.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not served.started:
        time.sleep(0.01)
    yield settings.portal_url
    served.should_exit = True
    thread.join(10)


def test_somebody_signs_in_by_the_link_comes_to_the_page_asked_for_and_is_told_what_is_wrong(
    base: str, server: OidcProvider, control: psycopg.Connection
) -> None:
    accounts.add(control, "ann@example.com", Role.OPERATOR, None, datetime.now(UTC))
    link = f"Sign in with {server.issuer.removeprefix('http://')}"
    with launched() as chrome:
        ann = Person.new(chrome, base)
        assert link in ann.go("/audit")
        ann.page.get_by_role("link", name=link).click()
        ann.page.wait_for_url(f"{base}/audit")
        assert "ann@example.com operator" in " ".join(ann.look().split())
        assert "Signed in" in ann.look()
        assert {cookie.get("name") for cookie in ann.page.context.cookies()} == {"st_pipeline_session"}
        assert ann.press("Sign out").startswith("Skip to content")
        server.reset(email="zoe@example.com", sub="zoe")
        ann.page.get_by_role("link", name=link).click()
        ann.page.wait_for_url("**/sign-in/oidc/callback?*")
        assert "st-pipeline users add zoe@example.com --without-password" in ann.look()
        # The browser itself tells of the answer's status, of no policy that was broken.
        assert [text for text in ann.complaints if "403 (Forbidden)" not in text] == []
