"""One visit: who asks, from where, about which tenant, and the answers a page can give.

Whether the page may be seen at all was decided before (guards.py). What all visits share is service.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author
from st_pipeline.operations.tenant_operations import TenantOperations
from st_pipeline.portal.people import sessions
from st_pipeline.portal.people.roles import Actor, Permission, Role
from st_pipeline.portal.people.sessions import Session
from st_pipeline.portal.web.cookies import SESSION, VISITOR
from st_pipeline.portal.web.service import Connection, Portal
from st_pipeline.tenants.model import Tenant
from st_pipeline.tenants.registry import Registry

NAVIGATION = (("Overview", "/"), ("Alerts", "/alerts"), ("Audit", "/audit"))
"""For those who see all; what has no page is left out."""
OF_TENANT = "/tenants/{key}"
"""What the paths of a tenant's pages begin with; templates know the rest of those that may be seen."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What an endpoint gets; ``connection`` is in autocommit and this visit's own."""

    portal: Portal
    request: Request
    connection: Connection
    now: datetime
    form: FormData
    """What was sent with POST; each value is text without NUL."""
    session: Session | None
    cookie_id: str
    """Of the session, or of a browser without one; tokens of forms hang on it."""
    bound_tenant: Tenant | None = None

    @property
    def actor(self) -> Actor:
        """Who asks; only where the page needs a session."""
        assert self.session
        return self.session.actor

    @property
    def tenant(self) -> Tenant:
        """The tenant of ``{key}`` in the path, which the actor may see."""
        assert self.bound_tenant
        return self.bound_tenant

    @property
    def address(self) -> str:
        """Where the request comes from; a proxy's word for it only where that is trusted."""
        return self.request.client.host if self.request.client else ""

    @property
    def is_secure(self) -> bool:
        """Whether cookies may be kept from plain HTTP."""
        return self.request.url.scheme == "https" or self.portal.settings.portal_url.startswith("https://")

    def number(self, name: str) -> int:
        """The number at ``{name}`` in the path. What is none, or too long for an id, is 404."""
        text = self.request.path_params[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise HTTPException(404)
        return int(text)

    def registry(self) -> Registry:
        """Tenants and their credentials, on this visit's connection."""
        return Registry.of(self.connection, self.portal.settings)

    def record(self, action: str, **detail: Any) -> None:
        """Note in the audit that the actor did this, to the tenant of the path where there is one. No secrets."""
        tenant = self.bound_tenant.key if self.bound_tenant else None
        audit.record(self.connection, self.author, action, self.now, tenant=tenant, detail=detail)

    @property
    def author(self) -> Author:
        """The actor, as the audit names them."""
        return Author(self.actor.name, self.actor.role.value, self.address)

    def operations(self) -> TenantOperations:
        """What the actor can do to tenants, each with its row in the audit."""
        return TenantOperations(self.connection, self.registry(), self.author, self.now)

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The page of ``template`` with these values beside those that every page has."""
        response = HTMLResponse(self.html(template, **values), status)
        if self.session is None:
            self.portal.cookies.write(response, VISITOR, self.cookie_id, is_secure=self.is_secure)
        elif self.session.notices and not is_by_script(self.request):
            sessions.forget_notices(self.connection, self.session)
        return response

    def html(self, template: str, **values: Any) -> str:
        """What ``render`` answers, as text."""
        notices = self.session.notices if self.session and not is_by_script(self.request) else ()
        return rendered(
            self.portal,
            self.request,
            template,
            self.now,
            actor=self.session.actor if self.session else None,
            form_token=self.portal.cookies.form_token(self.cookie_id),
            notices=notices,
            tenant=self.bound_tenant,
            **values,
        )

    def redirect(self, path: str, notice: str | None = None) -> Response:
        """On to another page of ours, which says ``notice``."""
        if notice and self.session:
            sessions.add_notice(self.connection, self.session, notice)
        return RedirectResponse(safe_path(path), 303)

    def start_session(
        self, path: str, *, user_id: int | None = None, invitation_id: int | None = None, notice: str | None = None
    ) -> Response:
        """On to ``path`` with a new session in the browser; the one it had, if any, ends."""
        before = self.cookie_id if self.session else None
        session_id = sessions.start(
            self.connection,
            self.now,
            user_id=user_id,
            invitation_id=invitation_id,
            instead_of=before,
            notices=[notice] if notice else [],
        )
        response = RedirectResponse(safe_path(path), 303)
        self.portal.cookies.write(response, SESSION, session_id, is_secure=self.is_secure)
        response.delete_cookie(VISITOR, path="/", secure=self.is_secure, httponly=True, samesite="lax")
        return response

    def about(self, tenant: Tenant) -> Visit:
        """The same visit, about this tenant."""
        return replace(self, bound_tenant=tenant)


def rendered(
    portal: Portal, request: Request, template: str, now: datetime, *, actor: Actor | None, **values: Any
) -> str:
    """A template with what every page has: who asks, what they may, where they are."""
    routes = request.app.routes
    paths = {getattr(route, "path", "") for route in routes}
    navigation = [
        (label, path) for label, path in NAVIGATION if path in paths and actor and actor.may(Permission.SEE_ALL)
    ]
    return portal.templates.get_template(template).render(
        {
            "actor": actor,
            "home": home_of(actor),
            "can": (lambda name: actor.may(Permission[name])) if actor else (lambda name: False),
            "navigation": navigation,
            "path": request.url.path,
            "tenant_pages": {
                route.path.removeprefix(OF_TENANT)
                for route in routes
                if getattr(route, "path", "").startswith(OF_TENANT)
                and "GET" in (route.methods or ())
                and actor
                and actor.may(route.permission)
            },
            "now": now,
            **values,
        }
    )


def home_of(actor: Actor | None) -> str:
    """Where somebody goes first."""
    return f"/tenants/{actor.tenant}" if actor and actor.role is Role.CLIENT else "/"


def is_by_script(request: Request) -> bool:
    """Whether a page asks by itself (portal.js), not a person: that keeps no session alive and reads no notice."""
    return request.headers.get("x-live") == "1"


def safe_path(path: str) -> str:
    """``path`` if it is one of this site, else the first page. Browsers read ``//`` and ``/\\`` as another host."""
    is_ours = path.isprintable() and path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_ours else "/"
