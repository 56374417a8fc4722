"""One visit: who makes the request, from where, about which tenant, and the responses a page can give.

guards.py has already decided whether the actor may see the page. service.py has what all visits share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
from st_pipeline.portal.web.cookies import DEVICE, SESSION, VISITOR
from st_pipeline.portal.web.service import Connection, Portal
from st_pipeline.tenants.model import Tenant
from st_pipeline.tenants.registry import Registry

NAVIGATION = (("Overview", "/"), ("Alerts", "/alerts"), ("Audit", "/audit"))
"""The menu for people who see all tenants, without pages that don't exist."""
OF_TENANT = "/tenants/{key}"
"""The start of the paths of a tenant's pages; templates add the rest for the pages that the actor may see."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What an endpoint receives; ``connection`` uses autocommit and belongs to this visit."""

    portal: Portal
    request: Request
    connection: Connection
    now: datetime
    form: FormData
    """The fields sent with POST; each value is text without NUL."""
    session: Session | None
    cookie_id: str
    """The id of the session, or of a browser without one; form tokens are derived from it."""
    bound_tenant: Tenant | None = None

    @property
    def actor(self) -> Actor:
        """Who makes the request; only on pages that need a session."""
        assert self.session
        return self.session.actor

    @property
    def tenant(self) -> Tenant:
        """The tenant of ``{key}`` in the path, which the actor may see."""
        assert self.bound_tenant
        return self.bound_tenant

    @property
    def address(self) -> str:
        """The address that the request comes from; a proxy's header only counts if the proxy is trusted."""
        return self.request.client.host if self.request.client else ""

    @property
    def is_secure(self) -> bool:
        """Whether cookies can be restricted to HTTPS."""
        return self.request.url.scheme == "https" or self.portal.settings.portal_url.startswith("https://")

    @property
    def device(self) -> str | None:
        """What a browser that has signed in before shows."""
        return self.portal.cookies.read(self.request, DEVICE)

    def number(self, name: str) -> int:
        """The number at ``{name}`` in the path; 404 if it is not a number or is too long for an id."""
        text = self.request.path_params[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise HTTPException(404)
        return int(text)

    def registry(self) -> Registry:
        """Tenants and their credentials, on this visit's connection."""
        return Registry.of(self.connection, self.portal.settings)

    def record(self, action: str, **detail: Any) -> None:
        """Audit that the actor did this, to the tenant in the path if there is one. Never pass secrets."""
        tenant = self.bound_tenant.key if self.bound_tenant else None
        audit.record(self.connection, self.author, action, self.now, tenant=tenant, detail=detail)

    @property
    def author(self) -> Author:
        """The actor as the author of audit entries."""
        return Author(self.actor.name, self.actor.role.value, self.address)

    def operations(self) -> TenantOperations:
        """The operations on tenants, which the audit records under the actor's name."""
        return TenantOperations(self.connection, self.registry(), self.author, lambda: datetime.now(UTC))

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The page of ``template`` with these values and those of every page."""
        response = HTMLResponse(self.html(template, **values), status)
        if self.session is None:
            self.portal.cookies.write(response, VISITOR, self.cookie_id, is_secure=self.is_secure)
        elif self.session.notices and not is_by_script(self.request):
            sessions.forget_notices(self.connection, self.session)
        return response

    def html(self, template: str, **values: Any) -> str:
        """The text of what ``render`` returns."""
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
        """Redirect to another page of the portal, which shows ``notice``."""
        if notice and self.session:
            sessions.add_notice(self.connection, self.session, notice)
        return RedirectResponse(safe_path(path), 303)

    def start_session(
        self, path: str, *, user_id: int | None = None, invitation_id: int | None = None, notice: str | None = None
    ) -> Response:
        """Redirect to ``path`` with a new session; the browser's previous one, if any, ends."""
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
    """Render a template with the values of every page: the actor, their permissions, and the current page."""
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
    """The first page after signing in."""
    return f"/tenants/{actor.tenant}" if actor and actor.role is Role.CLIENT else "/"


def is_by_script(request: Request) -> bool:
    """Whether portal.js makes the request, not a person: that keeps no session alive and clears no notice."""
    return request.headers.get("x-live") == "1"


def safe_path(path: str) -> str:
    """``path`` if it is on this site, else the first page. Browsers read ``//`` and ``/\\`` as another host."""
    is_ours = path.isprintable() and path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_ours else "/"
