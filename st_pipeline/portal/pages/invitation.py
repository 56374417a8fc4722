"""What an invitation link opens: a page with a button that starts the client's session.

Opening the page, as mail programs do to preview it, does not use up the link. invitations_made.py creates links.
"""

from __future__ import annotations

from starlette.responses import Response

from st_pipeline.operations import audit, invitations
from st_pipeline.operations.audit import Author
from st_pipeline.operations.invitations import Invitation
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.secret import Secret
from st_pipeline.tenants import tenant_table


def invitation(visit: Visit) -> Response:
    """What the invitation is for, or that it is no longer valid."""
    found = _usable(visit)
    if found is None:
        return _useless(visit)
    tenant = tenant_table.read(visit.connection, found.tenant)
    # The form posts to the page's own address, so the token is not in the HTML.
    return visit.render("invitation.html", invited=tenant, until=found.expires_at)


def accept(visit: Visit) -> Response:
    """Start a session for the one tenant, at an address without the token."""
    found = _usable(visit)
    if found is None:
        known = invitations.find(visit.connection, _token(visit))
        if known:
            who = Author(f"client of {known.tenant}", address=visit.address)
            audit.record(visit.connection, who, "invitation refused", visit.now, tenant=known.tenant)
        return _useless(visit)
    with visit.connection.transaction():
        invitations.mark_opened(visit.connection, found, visit.now)
        audit.record(
            visit.connection,
            Author(f"client of {found.tenant}", address=visit.address),
            "invitation opened",
            visit.now,
            tenant=found.tenant,
            detail={"invitation": found.id},
        )
        return visit.start_session(f"/tenants/{found.tenant}/connect", invitation_id=found.id)


def _usable(visit: Visit) -> Invitation | None:
    found = invitations.find(visit.connection, _token(visit))
    return found if found and found.is_usable(visit.now) else None


def _useless(visit: Visit) -> Response:
    # One page for expired, revoked, used and forged links, so that guessing reveals nothing.
    return visit.render("invitation_useless.html", status=404)


def _token(visit: Visit) -> Secret:
    return Secret(visit.request.path_params["token"])


PAGES = (
    page("/invitation/{token}", invitation, permission=Permission.PUBLIC),
    page("/invitation/{token}", accept, permission=Permission.PUBLIC, methods=("POST",)),
)
