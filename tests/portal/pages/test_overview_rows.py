"""portal/pages/overview_rows.py: which tenants the overview shows, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.alerting.incidents import Incident
from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import TenantOverview
from st_pipeline.overview.recent_syncs import RecentSync
from st_pipeline.portal.pages.overview_rows import FILTERS, PAGE, SORTS, Wish, shown
from st_pipeline.schedule.due_times import Due, Reason
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def one(
    key: str = "acme",
    *,
    name: str | None = None,
    status: Status = Status.CONNECTED,
    enabled: bool = True,
    cadence: str = "nightly",
    recent: tuple[RecentSync, ...] = (),
    next_at: datetime | None = None,
    queued: bool = False,
    stale_since: datetime | None = None,
    fresh_until: datetime | None = None,
    incidents: tuple[Incident, ...] = (),
) -> TenantOverview:
    tenant = Tenant(
        key, name or key.title(), 7001, Environment.PRODUCTION, "NW", None, "UTC", cadence, enabled, status, "", NOW,
        NOW, NOW, frozenset(), NOW, NOW,
    )  # fmt: skip
    due = Due(next_at, next(iter(Reason)), next_at) if next_at else None
    return TenantOverview(
        tenant, list(recent), None, None, due, queued, fresh_until, stale_since, 0, 0, 0, list(incidents)
    )


def sync(
    state: SyncState = SyncState.SUCCEEDED, *, at: datetime = NOW, seconds: float = 60, rows: int = 5
) -> RecentSync:
    ended = None if state is SyncState.RUNNING else at + timedelta(seconds=seconds)
    return RecentSync(1, state, False, at, ended, rows)


def keys(tenants: list[TenantOverview], **query: str) -> list[str]:
    return [row.one.tenant.key for row in shown(tenants, Wish.of(query), NOW).rows]


@given(st.dictionaries(st.sampled_from(["q", "show", "sort", "page", "other"]), st.text(max_size=300)))
def test_whatever_is_asked_for_is_something_that_can_be_shown(query: dict[str, str]) -> None:
    wish = Wish.of(query)
    assert wish.show in FILTERS
    assert wish.sort in SORTS
    assert 1 <= wish.page < 100_000
    assert len(wish.search) <= 200
    assert wish.search == query.get("q", "").strip()[:200]
    shown([one()], wish, NOW)


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        ({}, Wish()),
        ({"q": "  two words ", "show": "failed", "sort": "-last", "page": "3"},
         Wish("two words", "failed", "last", True, 3)),
        ({"sort": "rows"}, Wish(sort="rows")),
        ({"sort": "-"}, Wish()),
        ({"sort": "--last"}, Wish()),
        ({"page": "0"}, Wish()),
        ({"page": "-1"}, Wish()),
        ({"page": "٣"}, Wish()),
        ({"page": "100000"}, Wish()),
        ({"page": "99999"}, Wish(page=99999)),
        ({"show": "FAILED"}, Wish()),
    ],
)  # fmt: skip
def test_an_address_is_read_and_what_it_cannot_mean_falls_back(query: dict[str, str], wish: Wish) -> None:
    assert Wish.of(query) == wish


@pytest.mark.parametrize("search", ["acme", "ACM", "north", "northwest hvac", "hvac north", "7001", "nw", "production"])
def test_every_word_of_a_search_must_be_found_somewhere(search: str) -> None:
    tenants = [one("acme", name="Northwest HVAC")]
    assert keys(tenants, q=search) == ["acme"]
    assert keys(tenants, q=f"{search} missing") == []


def test_a_search_ignores_case_beyond_ascii() -> None:
    assert keys([one(name="Straße Plumbing")], q="STRASSE") == ["acme"]


@pytest.mark.parametrize(
    ("tenant", "filters"),
    [
        (one(), {"all", "connected"}),
        (one(status=Status.REFUSED), {"all", "unconnected"}),
        (one(status=Status.UNREACHABLE), {"all", "unconnected"}),
        (one(enabled=False), {"all", "off"}),
        (one(enabled=False, status=Status.NOT_CONNECTED), {"all", "off"}),
        (one(cadence="paused"), {"all", "connected", "off"}),
        (one(recent=(sync(SyncState.FAILED),)), {"all", "connected", "failed"}),
        (one(recent=(sync(SyncState.INTERRUPTED),)), {"all", "connected", "failed"}),
        (one(recent=(sync(SyncState.FAILED), sync())), {"all", "connected"}),
        (one(recent=(sync(), sync(SyncState.RUNNING))), {"all", "connected", "busy"}),
        (one(queued=True), {"all", "connected", "busy"}),
        (one(stale_since=NOW), {"all", "connected", "stale"}),
    ],
)
def test_a_filter_shows_the_tenants_that_its_label_promises(tenant: TenantOverview, filters: set[str]) -> None:
    assert {name for name in FILTERS if keys([tenant], show=name)} == filters
    counts = shown([tenant], Wish(), NOW).counts
    assert {name for name, number in counts.items() if number} == filters


def test_counts_are_of_what_the_search_finds_whatever_the_filter() -> None:
    tenants = [one("acme"), one("acorn", enabled=False), one("bolt")]
    page = shown(tenants, Wish("ac", "off"), NOW)
    assert [row.one.tenant.key for row in page.rows] == ["acorn"]
    assert page.found == 1
    assert (page.counts["all"], page.counts["off"], page.counts["connected"]) == (2, 1, 1)


ROWS = [
    one("cat", name="aardvark", recent=(sync(at=NOW - 3 * HOUR, seconds=5, rows=30),), next_at=NOW + 3 * HOUR),
    one("ant", name="Bee", recent=(sync(at=NOW - HOUR, seconds=50, rows=10),), next_at=NOW + HOUR, fresh_until=NOW),
    one("bee", name="cow", enabled=False, stale_since=NOW - HOUR),
]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", "cat ant bee"), ("-name", "bee ant cat"), ("status", "cat ant bee"), ("last", "bee cat ant"),
        ("-last", "ant cat bee"), ("rows", "bee ant cat"), ("-rows", "cat ant bee"), ("took", "bee cat ant"),
        ("next", "ant cat bee"), ("fresh", "bee ant cat"),
    ],
)  # fmt: skip
def test_each_column_sorts_by_what_it_shows(sort: str, order: str) -> None:
    assert keys(ROWS, sort=sort) == order.split()
    assert keys(ROWS[::-1], sort=sort) == order.split(), "whatever the order before"


def test_every_sort_has_a_case_above() -> None:
    assert set(SORTS) == {"name", "status", "last", "rows", "took", "next", "fresh"}


def test_tenants_that_are_alike_stay_in_the_order_of_their_names() -> None:
    tenants = [one(key) for key in ("cat", "ant", "bee")]
    for sort in SORTS:
        assert keys(tenants, sort=sort) == ["ant", "bee", "cat"]


@given(st.integers(0, 3 * PAGE + 1), st.integers(1, 9))
def test_pages_show_every_tenant_once_and_one_after_the_last_is_the_last(number: int, page: int) -> None:
    tenants = [one(f"t{index:04d}") for index in range(number)]
    pages = [shown(tenants, Wish(page=at), NOW) for at in range(1, -(-number // PAGE) + 1)]
    found = [row.one.tenant.key for at in pages for row in at.rows]
    assert found == [tenant.tenant.key for tenant in tenants]
    asked = shown(tenants, Wish(page=page), NOW)
    assert asked.pages == max(1, len(pages))
    assert asked.page == min(page, asked.pages)
    assert asked.found == number


def test_a_row_says_what_its_tenant_waits_for() -> None:
    waiting = (one(queued=True), one(next_at=NOW), one(next_at=NOW - HOUR))
    others = (one(), one(next_at=NOW + HOUR))
    assert [row.is_due for tenant in (*waiting, *others) for row in shown([tenant], Wish(), NOW).rows] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_row_of_a_tenant_that_was_never_synced_has_no_sync_and_no_chart() -> None:
    (row,) = shown([one()], Wish(), NOW).rows
    assert (row.last, row.chart, row.data) == (None, None, None)
    (row,) = shown([replace(one(), recent=[sync(SyncState.FAILED)], stale_since=NOW)], Wish(), NOW).rows
    assert row.last
    assert row.chart
    assert row.data
    assert (row.last.word, row.data.badge.word) == ("failed", "stale")
