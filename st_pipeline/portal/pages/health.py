"""``/healthz``: whether the portal and its database answer, for those who watch processes."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit


def healthz(visit: Visit) -> Response:
    """``ok``; without a database the answer is the 503 of error_pages.py."""
    visit.connection.execute("select 1")
    return PlainTextResponse("ok\n")


PAGES = (page("/healthz", healthz, permission=Permission.PUBLIC),)
