"""Error pages in the portal's style, with what to do next. They never show the text of our exceptions."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from st_pipeline.portal.web.cookies import SESSION, VISITOR, new_visitor
from st_pipeline.portal.web.service import Portal
from st_pipeline.portal.web.visit import rendered, safe_path

UNAVAILABLE: tuple[type[Exception], ...] = (psycopg.OperationalError, PoolTimeout, PoolClosed)

WORDS = {
    400: ("Bad request", "The portal could not read this request. Go back, reload the page, and try again."),
    401: ("Please sign in", "Your session has ended. Sign in and try again."),
    403: ("Not allowed", "Your role does not allow this. Ask an operator if you need it."),
    404: (
        "Not found",
        "This page does not exist, or you do not have access to it. Check the address or go to the home page.",
    ),
    405: (
        "Action not available",
        "This address does not support that action. Go back and use the button on the page.",
    ),
    413: ("Too large", "What you entered is too long. Go back, shorten it, and try again."),
    429: ("Too many attempts", "Wait 15 minutes, then try again."),
    500: (
        "Something went wrong",
        "The error is on our side and was logged. Try again. If it keeps happening, tell an operator what time it was.",
    ),
    503: (
        "Database unavailable",
        "The database is not responding. Try again in a minute. Operators: run st-pipeline doctor.",
    ),
}

_log = logging.getLogger(__name__)


class Refusals:
    """Turns uncaught errors into a page, with the usual response headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noticing(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            refused = scope.get("state", {}).get("refusal")
            if refused:
                raise refused
            await self._app(scope, receive, noticing)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            status = error.status_code if isinstance(error, HTTPException) else 500
            # Only the path, because the query may contain what someone searched for.
            where = f"{scope['method']} {_route(scope)}"
            if isinstance(error, UNAVAILABLE):
                status = 503
                # Without a connection, every page fails in the same place, so one line is enough. If the server
                # aborted a statement, the traceback shows which one.
                at_server = error if getattr(error, "sqlstate", None) else None
                _log.error("%s: the database does not answer (%s)", where, type(error).__name__, exc_info=at_server)
            elif status >= 500:
                _log.error("%s failed", where, exc_info=error)
            detail = error.detail if isinstance(error, HTTPException) else None
            response = answer(Request(scope, receive), status, detail)
            await response(scope, receive, send)


def refuse(request: Request, error: Exception) -> Response:
    """The handler of HTTPException for Starlette."""
    assert isinstance(error, HTTPException)
    response = answer(request, error.status_code, error.detail)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def answer(request: Request, status: int, detail: str | None = None) -> Response:
    """The page for a status, with ``detail`` instead of its usual text, if it says more than HTTP does."""
    portal: Portal = request.app.state.portal
    title, advice = WORDS.get(status, WORDS[400 if status < 500 else 500])
    if detail and detail.endswith("."):
        advice = detail
    actor = getattr(request.state, "actor", None)
    token = getattr(request.state, "form_token", None)
    session_id = portal.cookies.read(request, SESSION)
    if token is None:
        token = portal.cookies.form_token(session_id or portal.cookies.read(request, VISITOR) or new_visitor())
    html = rendered(
        portal,
        request,
        "error.html",
        datetime.now(UTC),
        actor=actor,
        form_token=token,
        notices=(),
        tenant=None,
        status=status,
        title=title,
        advice=advice,
        again=_again(request) if status >= 500 else None,
        # If the request itself was refused, the session has not been read yet.
        may_be_signed_in=session_id is not None and status != 401,
    )
    return HTMLResponse(html, status)


def _again(request: Request) -> str | None:
    """The link to try again; it never resends a form."""
    if request.method not in ("GET", "HEAD"):
        return None
    return safe_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))


def _route(scope: Scope) -> str:
    """The route's pattern, because the path itself may contain an invitation's token."""
    route = scope.get("route")
    return getattr(route, "path", "a page")
