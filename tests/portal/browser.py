"""Somebody before the portal: a client that keeps cookies, reads the token of forms, and signs in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from httpx2 import Response
from starlette.applications import Starlette
from starlette.responses import Response as Sent
from starlette.testclient import TestClient

from st_pipeline.portal.web.cookies import Cookies
from st_pipeline.portal.web.service import Portal

PASSWORD = "correct horse battery canary-password-5d1e"
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class Browser:
    """Requests as a browser sends them; redirects are shown, not followed."""

    def __init__(self, app: Starlette, address: str = "192.0.2.10", url: str = "http://portal.test") -> None:
        self.http = TestClient(
            app, base_url=url, follow_redirects=False, raise_server_exceptions=False, client=(address, 50000)
        )

    def get(self, path: str, **others: Any) -> Response:
        return self.http.get(path, **others)

    def token(self, path: str = "/sign-in") -> str:
        """The token of the forms on this page."""
        found = _TOKEN.search(self.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def post(self, path: str, form: dict[str, str] | None = None, *, token: str | None = None) -> Response:
        """Send a form, with the token of the page that everybody has: the one signed in with, or of the session."""
        given = self.token(self.form_page) if token is None else token
        return self.http.post(path, data={"form_token": given, **(form or {})})

    form_page = "/sign-in"

    def sign_in(self, name: str, password: str = PASSWORD, **others: str) -> Response:
        answer = self.post("/sign-in", {"name": name, "password": password, **others}, token=self.token("/sign-in"))
        if answer.status_code == 303:
            self.form_page = "/nowhere"  # a page of an error has the form for signing out
        return answer

    def portal_throttle_only(self, app: Any, name: str) -> None:
        """One try to sign in, as far as the throttle sees it; hashing a password each time takes long."""
        address: str = self.http._transport.client[0]  # pyright: ignore[reportAttributeAccessIssue]
        try_only(app.state.portal, name, address)

    def take_session(self, cookie: str) -> Browser:
        """Be somebody who has this cookie."""
        self.http.cookies.set("st_pipeline_session", cookie, domain="portal.test")
        self.form_page = "/nowhere"
        return self


def signed(cookies: Cookies, session_id: str) -> str:
    """The cookie of a session, as the portal with these ``cookies`` would sign it."""
    response = Sent()
    cookies.write(response, "x", session_id, is_secure=False)
    return response.headers["set-cookie"].split(";")[0].removeprefix("x=")


def try_only(portal: Portal, name: str, address: str) -> None:
    """One try to sign in, as far as the throttle sees it."""
    with portal.pool.connection() as connection:
        portal.throttle.allows(connection, name, address, datetime.now(UTC))


def forget_tries(portal: Portal) -> None:
    """As if no one had tried to sign in."""
    with portal.pool.connection() as connection:
        connection.execute("delete from control.sign_in_tries")


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(html: str) -> str:
    """What a page says, with single blanks."""
    parser = _Texts()
    parser.feed(html)
    return " ".join(" ".join(parser.parts).split())
