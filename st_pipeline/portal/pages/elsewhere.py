"""Addresses that are no page: said with the look of the others, and to who is signed in as such."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit


def elsewhere(visit: Visit) -> Response:
    """Always 404."""
    raise HTTPException(404)


PAGES = (page("/{rest:path}", elsewhere, permission=Permission.PUBLIC),)
"""The last of all routes: it matches every path."""
