"""All pages of the portal. Each group of pages is a module of pages/ with ``PAGES``, and one line here.

Each page declares the permission it needs (guards.page).
"""

from __future__ import annotations

from st_pipeline.portal.pages import (
    alerts,
    audit,
    dagster,
    health,
    invitation,
    metrics,
    overview,
    password,
    signin,
    signin_oidc,
    tenants_new,
)
from st_pipeline.portal.pages.tenant import (
    connect,
    credentials,
    drift,
    invitations_made,
    quarantine,
    schedule,
    syncs,
    tenant,
    tenant_actions,
)
from st_pipeline.portal.web.guards import Page
from st_pipeline.portal.web.service import Portal

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *signin.PAGES,
    *password.PAGES,
    # Before the tenant pages; no tenant can be named new.
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
    *dagster.PAGES,
    *metrics.PAGES,
    *health.PAGES,
)
"""The pages that always exist."""


def pages(portal: Portal) -> tuple[Page, ...]:
    """All routes of the portal as configured."""
    return (*PAGES, *signin_oidc.PAGES) if portal.provider else PAGES
