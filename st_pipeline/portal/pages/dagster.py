"""Takes operators on to the Dagster UI after they have signed in here. gate.py sends them, and checks who comes."""

from __future__ import annotations

from starlette.responses import Response

from st_pipeline.portal.web.gate import shares_sign_in
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit, safe_path


def dagster(visit: Visit) -> Response:
    """A page that opens the UI at the path ``to``, or says why the browser would not be signed in there.

    Not a redirect: after a form, our content security policy allows redirects to this site only.
    """
    settings = visit.portal.settings
    target = f"{settings.dagster_url}{safe_path(visit.request.query_params.get('to', '/'))}"
    is_shared = shares_sign_in(settings.portal_url, settings.dagster_url)
    response = visit.render("dagster.html", target=target, is_shared=is_shared)
    if is_shared:
        response.headers["refresh"] = f"0; url={target}"
    return response


PAGES = (page("/dagster", dagster, permission=Permission.ADMINISTER),)
