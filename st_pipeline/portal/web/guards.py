"""The only place that decides who gets which page: ``page`` makes every route.

Before an endpoint runs, it checks in this order: the session if one is needed, the tenant of ``{key}`` in the path
(404 if this role has no such tenant), the permission (403), and on POST the form's token (403). roles.py says what each
role may do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from st_pipeline.portal.people import sessions
from st_pipeline.portal.people.roles import Permission
from st_pipeline.portal.web.cookies import SESSION, VISITOR, new_visitor
from st_pipeline.portal.web.intake import read_form
from st_pipeline.portal.web.service import Connection, Portal
from st_pipeline.portal.web.visit import Visit, is_by_script
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.errors import TenantUnknown

__all__ = ["Page", "Permission", "page"]

FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
TENANT = "{key}"

Endpoint = Callable[[Visit], Response]


class Page(Route):
    """A route with the permission it needs."""

    def __init__(self, path: str, endpoint: Endpoint, permission: Permission, methods: Sequence[str]) -> None:
        self.permission = permission
        super().__init__(path, _guarded(endpoint, permission), methods=list(methods), name=endpoint.__name__)


def page(path: str, endpoint: Endpoint, *, permission: Permission, methods: Sequence[str] = ("GET",)) -> Page:
    """The only way to make a route. ``endpoint`` is a plain function that runs in its own thread.

    A page whose POST needs a different permission than its GET is two routes with one path.
    """
    return Page(path, endpoint, permission, methods)


def _guarded(endpoint: Endpoint, permission: Permission) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        form = await read_form(request) if request.method == "POST" else FormData()
        return await run_in_threadpool(_serve, endpoint, permission, request, form)

    return guarded


def _serve(endpoint: Endpoint, permission: Permission, request: Request, form: FormData) -> Response:
    portal: Portal = request.app.state.portal
    with portal.pool.connection() as connection:
        visit = _visit(portal, request, connection, form)
        # For error pages, which are rendered without a connection.
        request.state.actor = visit.session.actor if visit.session else None
        request.state.form_token = portal.cookies.form_token(visit.cookie_id)
        if permission is not Permission.PUBLIC:
            if visit.session is None:
                return _ask_to_sign_in(request)
            visit = _admitted(visit, permission)
        if request.method == "POST":
            _require_token(visit)
        return endpoint(visit)


def _visit(portal: Portal, request: Request, connection: Connection, form: FormData) -> Visit:
    now = datetime.now(UTC)
    session_id = portal.cookies.read(request, SESSION)
    session = None
    if session_id:
        session = sessions.read(connection, session_id, now, is_used=not is_by_script(request))
    if not (session and session_id):
        cookie_id = portal.cookies.read(request, VISITOR) or new_visitor()
        return Visit(portal, request, connection, now, form, None, cookie_id)
    return Visit(portal, request, connection, now, form, session, session_id)


def _ask_to_sign_in(request: Request) -> Response:
    if request.method not in ("GET", "HEAD") or is_by_script(request):
        raise HTTPException(401)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/sign-in" if target == "/" else f"/sign-in?next={quote(target, safe='')}", 303)


def _admitted(visit: Visit, permission: Permission) -> Visit:
    """The visit with its tenant. Raises HTTPException: 404 if the actor has no such tenant, or 403."""
    actor = visit.actor
    key = visit.request.path_params.get("key")
    if key is not None:
        # A tenant the actor may not see is refused unread, like one that does not exist.
        if not actor.sees(key):
            raise HTTPException(404)
        try:
            visit = replace(visit, bound_tenant=tenant_table.read(visit.connection, key))
        except TenantUnknown:
            raise HTTPException(404) from None
    if not actor.may(permission):
        raise HTTPException(403)
    return visit


def _require_token(visit: Visit) -> None:
    given = visit.form.get(FORM_TOKEN)
    if not isinstance(given, str) or not visit.portal.cookies.is_form_token(visit.cookie_id, given):
        raise HTTPException(403, "This page has expired. Go back, reload it, and try again.")
