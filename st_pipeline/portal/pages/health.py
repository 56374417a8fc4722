"""``/healthz``: whether the portal and its database respond, for monitoring."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit


def healthz(visit: Visit) -> Response:
    """``ok``; if the database is down, error_pages.py answers 503."""
    visit.connection.execute("select 1")
    return PlainTextResponse("ok\n")


PAGES = (page("/healthz", healthz, permission=Permission.PUBLIC),)
