"""All pages of the portal. A group of pages is a module of pages/ with ``PAGES``, and one line here.

What a page needs is said where it is made (access.page).
"""

from __future__ import annotations

from st_pipeline.portal.access import Page
from st_pipeline.portal.pages import health, metrics, overview, password, signin

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *signin.PAGES,
    *password.PAGES,
    *metrics.PAGES,
    *health.PAGES,
)
