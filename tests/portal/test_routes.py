"""portal/routes.py: which pages there are; who may see each is tests/portal/web/test_guards.py."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from dataclasses import replace

from starlette.applications import Starlette
from starlette.routing import Match, Mount, Route

from st_pipeline.portal import pages as groups
from st_pipeline.portal.oidc.provider import provider_of
from st_pipeline.portal.pages import elsewhere, signin_oidc
from st_pipeline.portal.routes import PAGES, pages
from st_pipeline.portal.web.service import Portal
from st_pipeline.secret import Secret
from st_pipeline.settings import OpenIdClient, Settings


def test_every_group_of_pages_is_in_the_table() -> None:
    """A module of pages/ that nobody lists would have no address."""
    listed = {id(page) for page in (*PAGES, *signin_oidc.PAGES, *elsewhere.PAGES)}
    found = 0
    for module in pkgutil.walk_packages(groups.__path__, f"{groups.__name__}."):
        own = getattr(importlib.import_module(module.name), "PAGES", ())
        found += len(own)
        assert {id(page) for page in own} <= listed, module.name
    assert found == len(listed)


def test_no_address_is_given_twice() -> None:
    given = Counter((page.path, method) for page in (*PAGES, *signin_oidc.PAGES) for method in page.methods or ())
    assert given.most_common(1)[0][1] == 1


def test_every_page_is_reached_by_its_own_address(app: Starlette) -> None:
    """``/tenants/new`` would be a tenant's page if it came after those."""
    routes = [route for route in app.routes if not isinstance(route, Mount)]
    for page in PAGES:
        path = page.path.replace("{key}", "acme").replace("{id}", "1").replace("{token}", "x")
        for method in page.methods or ():
            scope = {"type": "http", "path": path, "method": method, "root_path": "", "headers": []}
            first = next(route for route in routes if route.matches(scope)[0] is Match.FULL)
            assert first is page, f"{method} {path}"


def test_signing_in_at_a_provider_is_there_only_with_a_provider(settings: Settings, portal: Portal) -> None:
    client = OpenIdClient("https://login.example.com", "portal", Secret("x"))
    provider = provider_of(replace(settings, portal_oidc=client))
    assert provider
    assert pages(replace(portal, provider=None)) == PAGES
    assert pages(replace(portal, provider=provider)) == (*PAGES, *signin_oidc.PAGES)


def test_nothing_is_a_plain_route(app: Starlette) -> None:
    assert not [route for route in app.routes if type(route) is Route]
