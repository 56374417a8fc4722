"""The overview: totals on top, then every tenant. The figures come from overview/overview.py, as in
``st-pipeline status``; overview_rows.py decides which tenants are shown.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from st_pipeline.overview.overview import read_overview
from st_pipeline.portal.pages.overview_rows import FILTERS, SORTS, Wish, shown
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.rules.thresholds_file import read_rules


def overview(visit: Visit) -> Response:
    """The current state of every tenant."""
    read = read_overview(visit.connection, visit.now, rules=read_rules(visit.portal.settings.home))
    wish = Wish.of(visit.request.query_params)
    page_of_rows = shown(read.tenants, wish, visit.now)
    return visit.render(
        "overview.html",
        totals=read.totals,
        shown=page_of_rows,
        wish=wish,
        address=address(wish),
        filters=[(name, label, page_of_rows.counts[name]) for name, (label, _) in FILTERS.items()],
        sorts=[
            (label, sort_address(wish, name), _direction(wish) if name == wish.sort else None)
            for name, (label, _) in SORTS.items()
        ],
        page_address=lambda number: address(wish, page=number),
    )


def address(wish: Wish, *, sort: str | None = None, page: int = 1) -> str:
    """The URL of the requested view in another order or on another page."""
    current = f"-{wish.sort}" if wish.descending else wish.sort
    values = {"q": wish.search, "show": wish.show, "sort": sort or current, "page": page}
    usual = {"q": "", "show": "all", "sort": "name", "page": 1}
    query = urlencode({name: value for name, value in values.items() if value != usual[name]})
    return f"/?{query}" if query else "/"


def sort_address(wish: Wish, name: str) -> str:
    """The link of a column's heading: sort by it, or reverse the order if already sorted by it."""
    return address(wish, sort=f"-{name}" if name == wish.sort and not wish.descending else name)


def _direction(wish: Wish) -> str:
    return "descending" if wish.descending else "ascending"


PAGES = (page("/", overview, permission=Permission.SEE_ALL),)
