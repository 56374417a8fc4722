"""portal/pages/overview.py: the figures of overview/overview.py, found, filtered, sorted and drawn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import read_overview
from st_pipeline.overview.recent_syncs import RecentSync
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.words import formats
from st_pipeline.portal.words.charts import HEIGHT, rows_chart
from st_pipeline.tenants.model import Status
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn
from tests.support.past import HOUR, Past, calls, read

SCRIPT = "<script>alert('canary')</script>"


@pytest.fixture(scope="module")
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def page(app: Starlette, control: psycopg.Connection, signed_in: SignedIn, now: datetime) -> Browser:
    """An operator's browser, before acme that is well, bolt that failed, cole that is not connected, a paused one."""
    past = Past(control)
    past.forget()
    for key in ("acme", "bolt", "cole", "dale"):
        past.tenant(key, cadence="paused" if key == "dale" else "nightly", since=now - timedelta(days=9))
    control.execute("update control.tenants set timezone = 'America/Chicago', name = %s where key = 'acme'", (SCRIPT,))
    past.found("cole", Status.NOT_CONNECTED, "not approved", now)
    past.sync(now - 3 * HOUR, "acme", entities=[read(fetched=1234)], called=[calls(40)], seconds=90)
    past.sync(now - 2 * HOUR, "bolt", error="no", entities=[read(fetched=7)], called=[calls(3)], seconds=3)
    return signed_in(Role.OPERATOR)


def keys(html: str) -> list[str]:
    return re.findall(r'scope="row"><a href="/tenants/([^"]+)"', html)


def test_the_totals_are_those_of_status(page: Browser, control: psycopg.Connection) -> None:
    totals = read_overview(control, datetime.now(UTC)).totals
    said = text_of(page.get("/").text)
    assert totals.average_latency is not None
    for text in (
        f"Succeeded, 24 h {formats.share(totals.success_rate)} {totals.succeeded} sync",
        f"Failed today {totals.failed_today} ",
        f"Average sync {formats.duration(totals.average_sync_seconds)} ",
        f"Avg. API response {formats.latency(totals.average_latency)} ",
        f"Queue {totals.queued} {totals.running} running",
        f"Rate limit used {formats.share(totals.rate_limit_share)} ",
        f"Connected {totals.connected} of {totals.tenants} companies",
        f"Open alerts {totals.open_incidents} ",
    ):
        assert text in said
    assert (totals.tenants, totals.connected, totals.succeeded) == (4, 3, 1)


@pytest.mark.parametrize("path", ["/", "/tenants/edna"])
def test_data_that_never_was_whole_is_not_called_fresh(
    page: Browser, control: psycopg.Connection, now: datetime, path: str
) -> None:
    past = Past(control)
    past.forget()
    past.tenant("edna", since=now)
    past.sync(now, "edna", entities=[read(fetched=1)], partial=True, seconds=1)
    assert "not complete yet due by" in text_of(page.get(path).text)
    past.sync(now, "edna", entities=[read(fetched=1)], seconds=1)
    said = text_of(page.get(path).text)
    assert "fresh until" in said
    assert "not complete yet" not in said


def test_a_row_says_what_is_known_of_its_tenant(page: Browser, now: datetime) -> None:
    html = page.get("/").text
    rows = {key: text_of(part) for key, part in zip(keys(html), html.split("<tr ")[2:], strict=True)}
    assert "connected" in rows["acme"]
    assert "succeeded" in rows["acme"]
    assert "1,234" in rows["acme"]
    assert "90 s" in rows["acme"]
    assert "failed" in rows["bolt"]
    assert "not connected yet" in rows["cole"]
    assert "never" in rows["cole"]
    assert "paused" in rows["dale"]
    started = now - 3 * HOUR
    assert f'<time datetime="{started:%Y-%m-%dT%H:%M:%SZ}" data-zone="America/Chicago">' in html
    assert SCRIPT not in html
    assert "&lt;script&gt;alert(&#39;canary&#39;)&lt;/script&gt;" in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ACM"}, ["acme"]),
        ({"q": "sandbox bol"}, ["bolt"]),
        ({"q": "nobody"}, []),
        ({"show": "failed"}, ["bolt"]),
        ({"show": "unconnected"}, ["cole"]),
        ({"show": "off"}, ["dale"]),
        ({"show": "connected", "sort": "-rows"}, ["acme", "bolt", "dale"]),
        ({"sort": "rows"}, ["cole", "dale", "bolt", "acme"]),
        ({"sort": "-last"}, ["bolt", "acme", "cole", "dale"]),
        ({"sort": "nonsense", "show": "nonsense", "page": "99"}, ["acme", "bolt", "cole", "dale"]),
    ],
)
def test_tenants_are_found_filtered_and_sorted(page: Browser, query: dict[str, str], found: list[str]) -> None:
    shown = keys(page.get("/", params=query).text)
    assert sorted(shown) == sorted(found)
    if "sort" in query and query["sort"] != "nonsense":
        # cole and dale never were synced: their order among themselves is by name.
        assert shown == [*found] or query["sort"] == "-last"


def test_what_was_searched_for_comes_back_as_text(page: Browser) -> None:
    html = page.get("/", params={"q": SCRIPT + '"><b>'}).text
    assert "<script>alert" not in html
    assert '"><b>' not in html


def test_a_viewer_sees_it_without_what_only_operators_do(page: Browser, signed_in: SignedIn) -> None:
    assert "Add company" in page.get("/").text
    viewer = signed_in(Role.VIEWER).get("/").text
    assert "Add company" not in viewer
    assert keys(viewer) == keys(page.get("/").text)


def test_hundreds_of_tenants_come_in_pages(page: Browser, control: psycopg.Connection) -> None:
    past = Past(control)
    past._accounts = 10  # four are there
    for number in range(120):
        past.tenant(f"many-{number:03d}")
    first, second = (page.get("/", params={"q": "many", "page": str(number)}).text for number in (1, 2))
    assert (len(keys(first)), len(keys(second))) == (100, 20)
    assert "Page 1 of 2, 120 companies" in text_of(first)
    assert 'href="/?q=many&amp;page=2" rel="next"' in first
    past.forget()


def sync(number: int, state: SyncState, loaded: int) -> RecentSync:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return RecentSync(number, state, False, at, at, loaded)


def test_a_chart_is_as_high_as_its_rows_and_says_the_same_in_words() -> None:
    chart = rows_chart(
        [sync(1, SyncState.SUCCEEDED, 50), sync(2, SyncState.FAILED, 3), sync(3, SyncState.SUCCEEDED, 100)]
    )
    assert chart
    assert chart.label == "Last 3 syncs: 2 succeeded, 1 failed; largest sync 100 records"
    assert re.findall(r"v-(\d+)", chart.paths["good"]) == [str(HEIGHT // 2), str(HEIGHT)]
    assert chart.paths["bad"].count("z") == 1
    assert rows_chart([]) is None
    nothing = rows_chart([sync(1, SyncState.SUCCEEDED, 0)])
    assert nothing
    assert nothing.label == "Last sync: 1 succeeded, 0 failed; largest sync 0 records"
