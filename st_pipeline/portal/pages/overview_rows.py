"""Which tenants the overview shows, and in which order: search, filters, sorting and paging. Pure.

overview.py renders the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import TenantOverview
from st_pipeline.portal.words.charts import Chart, rows_chart
from st_pipeline.portal.words.formats import Badge, DataState, connection_badge, data_state, sync_badge
from st_pipeline.tenants.model import Status

PAGE = 100
FAR = datetime.max.replace(tzinfo=UTC)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wish:
    """The requested view; invalid values fall back to all tenants sorted by name."""

    search: str = ""
    show: str = "all"
    sort: str = "name"
    descending: bool = False
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        """Parse ``q``, ``show``, ``sort`` (``-last`` is descending) and ``page`` of a URL."""
        show, sort, page = query.get("show", ""), query.get("sort", ""), query.get("page", "")
        key = sort.removeprefix("-")
        return cls(
            query.get("q", "").strip()[:200],
            show if show in FILTERS else "all",
            key if key in SORTS else "name",
            sort.startswith("-") and key in SORTS,
            int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page) else 1,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One tenant in the table."""

    one: TenantOverview
    connection: Badge
    last: Badge | None
    data: DataState | None
    chart: Chart | None
    is_due: bool
    """Its sync is waiting to start."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of rows; ``counts``: filter -> how many of the tenants found by the search it shows."""

    rows: list[Row]
    found: int
    page: int
    pages: int
    counts: dict[str, int]


def shown(tenants: Sequence[TenantOverview], wish: Wish, now: datetime) -> Shown:
    """The requested rows; a page number beyond the last shows the last page."""
    words = wish.search.casefold().split()
    found = [one for one in tenants if all(word in _text(one) for word in words)]
    counts = {name: sum(matches(one) for one in found) for name, (_, matches) in FILTERS.items()}
    wanted = sorted((one for one in found if FILTERS[wish.show][1](one)), key=SORTS["name"][1])
    wanted.sort(key=SORTS[wish.sort][1], reverse=wish.descending)
    pages = max(1, -(-len(wanted) // PAGE))
    page = min(wish.page, pages)
    rows = [_row(one, now) for one in wanted[(page - 1) * PAGE : page * PAGE]]
    return Shown(rows, len(wanted), page, pages, counts)


def _row(one: TenantOverview, now: datetime) -> Row:
    newest = one.recent[-1] if one.recent else None
    return Row(
        one,
        connection_badge(one.tenant),
        sync_badge(newest.state) if newest else None,
        data_state(one),
        rows_chart(one.recent),
        is_due=one.is_queued or bool(one.next_sync and one.next_sync.at <= now),
    )


def _text(one: TenantOverview) -> str:
    tenant = one.tenant
    parts = (tenant.key, tenant.name, tenant.environment, str(tenant.tenant_id), tenant.company_code or "")
    return " ".join(parts).casefold()


def _last_state(one: TenantOverview) -> SyncState | None:
    return one.recent[-1].state if one.recent else None


FILTERS: Mapping[str, tuple[str, Callable[[TenantOverview], bool]]] = {
    "all": ("All", lambda one: True),
    "wrong": ("Has open alerts", lambda one: bool(one.incidents)),
    "failed": ("Last sync failed", lambda one: _last_state(one) in (SyncState.FAILED, SyncState.INTERRUPTED)),
    "busy": ("Running or queued", lambda one: one.is_queued or _last_state(one) is SyncState.RUNNING),
    "stale": ("Stale", lambda one: one.stale_since is not None),
    "connected": ("Connected", lambda one: one.tenant.enabled and one.tenant.status is Status.CONNECTED),
    "unconnected": ("Not connected", lambda one: one.tenant.enabled and one.tenant.status is not Status.CONNECTED),
    "off": ("Paused or disabled", lambda one: not one.tenant.enabled or one.tenant.cadence == "paused"),
}
_Order = Callable[[TenantOverview], Any]
SORTS: Mapping[str, tuple[str, _Order]] = {
    "name": ("Company", lambda one: (one.tenant.name.casefold(), one.tenant.key)),
    "status": ("Connection", lambda one: (not one.tenant.enabled, one.tenant.status.label)),
    "last": ("Last sync", lambda one: one.recent[-1].started_at if one.recent else NEVER),
    "rows": ("Records", lambda one: one.recent[-1].loaded if one.recent else -1),
    "took": ("Duration", lambda one: (one.recent[-1].seconds if one.recent else None) or 0.0),
    "next": ("Next sync", lambda one: one.next_sync.at if one.next_sync else FAR),
    "fresh": ("Data", lambda one: one.stale_since or one.fresh_until or FAR),
}
