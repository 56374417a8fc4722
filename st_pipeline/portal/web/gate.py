"""Lets only signed-in operators use a web application that isn't ours: the Dagster UI, which has no sign-in.

Launching a run is doing anything that our jobs can do, which is not for other users of the machine, nor for web pages
that a browser on it opens. guards.py protects our own pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from st_pipeline.portal.people import sessions
from st_pipeline.portal.people.roles import Permission
from st_pipeline.portal.web.cookies import SESSION
from st_pipeline.portal.web.error_pages import UNAVAILABLE
from st_pipeline.portal.web.service import Portal

GRAPHQL = "/graphql"
HEALTH = "/healthz"
RECHECK_SECONDS = 30.0
"""How often the session of an open WebSocket is checked."""
CLOSED = 1008
"""The code of a WebSocket that is refused (RFC 6455: policy violation)."""
HEADERS = {
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a request is refused before anyone asks who sent it."""

    status: HTTPStatus
    words: str


def objection(scope: Scope, own_url: str) -> Objection | None:
    """Why a request cannot come from the application's own pages or a link to them; None if it can.

    ``own_url`` is the address that people use. Pure.
    """
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not _is_own_name(host, own_url):
        return Objection(
            HTTPStatus.MISDIRECTED_REQUEST, "Unknown host name. To use it, set ST_PIPELINE_DAGSTER_URL to this address."
        )
    if (origin := headers.get("origin")) and urlsplit(origin).netloc not in (host, urlsplit(own_url).netloc):
        return Objection(HTTPStatus.FORBIDDEN, "This request comes from another website.")
    is_websocket = scope["type"] == "websocket"
    method = "GET" if is_websocket else scope["method"]
    is_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link:
        return Objection(HTTPStatus.FORBIDDEN, "This request comes from another website.")
    if is_websocket:
        return None if scope["path"] == GRAPHQL else Objection(HTTPStatus.NOT_FOUND, "No WebSocket is served here.")
    if method not in ("GET", "HEAD", "POST") or (scope["path"] == GRAPHQL and method != "POST"):
        # A link, an image or a form on any website can send a GET.
        return Objection(HTTPStatus.METHOD_NOT_ALLOWED, "Send GraphQL with POST.")
    if method == "POST" and headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        # A form on another website cannot send JSON.
        return Objection(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
    return None


def shares_sign_in(portal_url: str, other_url: str) -> bool:
    """Whether a browser sends the portal's cookie to the other address too. Cookies do not depend on the port."""
    portal, other = urlsplit(portal_url), urlsplit(other_url)
    return portal.hostname == other.hostname and not (portal.scheme == "https" and other.scheme == "http")


class Gate:
    """The application for operators only. ``is_open`` lets everyone in who passes ``objection``."""

    def __init__(self, app: ASGIApp, portal: Portal, *, is_open: bool = False) -> None:
        self._app = app
        self._portal = portal
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif answer := await self._answer(scope):
            # Before a WebSocket is accepted, Starlette sends the answer as that of the handshake.
            await (_close(receive, send) if scope["type"] == "websocket" else answer(scope, receive, send))
        elif scope["type"] == "websocket" and not self._is_open:
            await self._app(scope, self._while_admitted(scope, receive, send), send)
        else:
            await self._app(scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope) -> Response | None:
        """Our own answer; None if the request may pass."""
        if problem := objection(scope, self._portal.settings.dagster_url):
            return PlainTextResponse(f"{problem.words}\n", problem.status)
        if scope["path"] == HEALTH:
            return PlainTextResponse("ok\n")
        if self._is_open:
            return None
        try:
            is_operator = await run_in_threadpool(self._is_operator, scope)
        except UNAVAILABLE:
            return PlainTextResponse("The database is not responding. Try again in a minute.\n", 503)
        if is_operator:
            return None
        if is_operator is False:
            return PlainTextResponse("Only operators may use the Dagster UI.\n", 403)
        return self._ask_to_sign_in(scope)

    def _is_operator(self, scope: Scope) -> bool | None:
        """Whether the sender is an operator; None without a session."""
        now = datetime.now(UTC)
        session_id = self._portal.cookies.read(HTTPConnection(scope), SESSION)
        if session_id is None:
            return None
        with self._portal.pool.connection() as connection:
            # Open pages send GraphQL all the time, which does not mean that anyone is looking at them.
            session = sessions.read(connection, session_id, now, is_used=scope["path"] != GRAPHQL)
        return session.actor.may(Permission.ADMINISTER) if session else None

    def _ask_to_sign_in(self, scope: Scope) -> Response:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            return PlainTextResponse("Sign in to the portal first.\n", 401)
        path, query = quote(scope["path"]), scope["query_string"].decode("latin-1")
        back = f"/dagster?to={quote(f'{path}?{query}' if query else path, safe='')}"
        return RedirectResponse(f"{self._portal.settings.portal_url}/sign-in?next={quote(back, safe='')}", 303)

    def _while_admitted(self, scope: Scope, receive: Receive, send: Send) -> Receive:
        """``receive`` for a WebSocket, which ends with the session."""

        async def receiving() -> Message:
            while True:
                with anyio.move_on_after(RECHECK_SECONDS):
                    return await receive()
                if await self._answer(scope):
                    await send({"type": "websocket.close", "code": CLOSED})
                    return {"type": "websocket.disconnect", "code": CLOSED}

        return receiving


def _is_own_name(host: str, own_url: str) -> bool:
    """Whether only we can be behind this name. A website can give its own name our address (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", urlsplit(own_url).hostname):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


async def _close(receive: Receive, send: Send) -> None:
    """Refuse the handshake; the server answers with 403."""
    await receive()
    await send({"type": "websocket.close", "code": CLOSED})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending
