"""All pages of the portal. A group of pages is a module of pages/ with ``PAGES``, and one line here.

What a page needs is said where it is made (access.page).
"""

from __future__ import annotations

from st_pipeline.portal.access import Page
from st_pipeline.portal.pages import (
    alerts,
    audit,
    connect,
    credentials,
    drift,
    health,
    invitation,
    invitations_made,
    metrics,
    overview,
    password,
    quarantine,
    schedule,
    signin,
    signin_oidc,
    syncs,
    tenant,
    tenant_actions,
    tenants_new,
)
from st_pipeline.portal.service import Portal

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *signin.PAGES,
    *password.PAGES,
    # Before the tenants themselves, as none is called new.
    *tenants_new.PAGES,
    *tenant.PAGES,
    *tenant_actions.PAGES,
    *syncs.PAGES,
    *quarantine.PAGES,
    *drift.PAGES,
    *connect.PAGES,
    *credentials.PAGES,
    *schedule.PAGES,
    *invitations_made.PAGES,
    *invitation.PAGES,
    *alerts.PAGES,
    *audit.PAGES,
    *metrics.PAGES,
    *health.PAGES,
)
"""Those that are always there."""


def pages(portal: Portal) -> tuple[Page, ...]:
    """All of a portal as it is configured."""
    return (*PAGES, *signin_oidc.PAGES) if portal.provider else PAGES
