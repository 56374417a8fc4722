"""The page for unknown addresses, in the portal's style and with the session of a signed-in user."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit


def elsewhere(visit: Visit) -> Response:
    """Always 404."""
    raise HTTPException(404)


PAGES = (page("/{rest:path}", elsewhere, permission=Permission.PUBLIC),)
"""The last route, because it matches every path."""
