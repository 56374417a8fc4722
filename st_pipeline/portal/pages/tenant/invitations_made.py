"""A tenant's invitations, for operators: create, show once, list, revoke. invitation.py opens one."""

from __future__ import annotations

from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.responses import Response

from st_pipeline.operations import invitations
from st_pipeline.operations.invitations import Invitation
from st_pipeline.portal.pages.tenant.connect import has_app_key
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.formats import Badge


def invitations_made(visit: Visit) -> Response:
    """All of the tenant's invitations, without their links, which are shown only once."""
    return _page(visit)


def invite(visit: Visit) -> Response:
    """Create one. Its link is only on this page."""
    made, token = visit.operations().invite(visit.tenant.key)
    base = visit.portal.settings.portal_url.rstrip("/")
    return _page(visit, f"{base}/invitation/{token.reveal()}", made)


def revoke_invitation(visit: Visit) -> Response:
    """Revoke one: its link stops working and its sessions end."""
    if not visit.operations().revoke_invitation(visit.tenant.key, visit.number("id")):
        raise HTTPException(404)
    return visit.redirect(f"/tenants/{visit.tenant.key}/invitations", "Invitation revoked.")


def badge(one: Invitation, now: datetime) -> Badge:
    """The state of an invitation. Pure."""
    if one.revoked_at:
        return Badge("revoked", "quiet")
    if one.is_connected:
        return Badge("connected", "good")
    if now >= one.expires_at:
        return Badge("expired", "quiet")
    return Badge("opened", "busy") if one.opened_at else Badge("waiting", "warn")


def _page(visit: Visit, link: str | None = None, made: Invitation | None = None) -> Response:
    found = invitations.of_tenant(visit.connection, visit.tenant.key)
    return visit.render(
        "invitations.html",
        rows=[(one, badge(one, visit.now), one.revoked_at is None and one.expires_at > visit.now) for one in found],
        link=link,
        made=made,
        days=invitations.DURATION.days,
        has_app_key=has_app_key(visit, visit.registry().outline(visit.tenant.key)),
    )


PAGES = (
    page("/tenants/{key}/invitations", invitations_made, permission=Permission.ADMINISTER),
    page("/tenants/{key}/invitations", invite, permission=Permission.ADMINISTER, methods=("POST",)),
    page(
        "/tenants/{key}/invitations/{id}/revoke",
        revoke_invitation,
        permission=Permission.ADMINISTER,
        methods=("POST",),
    ),
)
