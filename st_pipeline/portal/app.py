"""Assembles the application: routes, middleware, and the connections that open with it. Import has no side effects.

routes.py has the routes, service.py what they share.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from st_pipeline.portal.pages import elsewhere
from st_pipeline.portal.routes import pages
from st_pipeline.portal.web.error_pages import Refusals, refuse
from st_pipeline.portal.web.headers import SecurityHeaders
from st_pipeline.portal.web.intake import Intake
from st_pipeline.portal.web.service import Portal, prepared
from st_pipeline.settings import Settings

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings, portal: Portal | None = None) -> Starlette:
    """The application for ``settings``. Creates and migrates its database; connections open when it starts.

    Raises:
        PostgresError, EmbeddedPostgresError, VaultKeyInvalid: naming the setting to check.
    """
    portal = portal or prepared(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with portal.pool:
            yield

    static = Mount("/static", StaticFiles(directory=STATIC), name="static")
    routes: list[BaseRoute] = [*pages(portal), static, *elsewhere.PAGES]
    middleware = [Middleware(SecurityHeaders), Middleware(Intake), Middleware(Refusals)]
    if settings.portal_trusted_proxies:
        # Outermost: everything after it sees the address and scheme that the proxy names.
        trusted = list(settings.portal_trusted_proxies)
        middleware.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=trusted))
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: refuse}, lifespan=lifespan)
    # A redirect to the same path with or without a slash would repeat the Host header, which anyone can forge.
    app.router.redirect_slashes = False
    app.state.portal = portal
    return app
