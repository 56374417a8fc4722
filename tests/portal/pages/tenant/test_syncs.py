"""pages/syncs.py: pages of syncs, and one with its log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.history.syncs import Position
from st_pipeline.landing.typer import Problem
from st_pipeline.portal.pages.tenant.syncs import ROWS, position_of, position_text
from st_pipeline.portal.people.roles import Role
from st_pipeline.steps.step import Do, Step
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.support.past import Past, calls, read

SCRIPT = "<img src=x onerror=alert(1)>"
MINUTE = timedelta(minutes=1)
LINK = re.compile(r'href="/tenants/acme/syncs/(\d+)"')
OLDER = re.compile(r'href="([^"]+)" rel="next"')


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    for table in ("quarantine", "landed_files", "syncs", "drift"):
        control.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]
    return Past(control)


def test_pages_have_every_sync_once_the_newest_first_and_of_no_other_tenant(signed_in: SignedIn, past: Past) -> None:
    now = datetime.now(UTC)
    ids = [past.sync(now - n * MINUTE, error="no" if n % 2 else None, seconds=1) for n in range(ROWS + 7)]
    past.sync(now, "bolt")
    browser = signed_in(Role.CLIENT)
    for query, expected in (("", ids), ("?outcome=failed", ids[1::2]), ("?outcome=nonsense&after=x-y", ids)):
        address, seen = f"/tenants/acme/syncs{query}", []
        while address:
            html = browser.get(address).text
            seen += [int(number) for number in LINK.findall(html)]
            found = OLDER.search(html)
            address = found[1].replace("&amp;", "&") if found else ""
        assert seen == expected
    assert "No syncs match these filters." in text_of(browser.get("/tenants/acme/syncs?outcome=interrupted").text)


def test_one_sync_is_told_with_calls_errors_trace_and_log(signed_in: SignedIn, past: Past) -> None:
    at = datetime.now(UTC) - 10 * MINUTE
    sync_id = past.sync(
        at,
        error=f"acme/jpm_jobs: {SCRIPT} (trace abc-123)",
        own_error=f"acme/jpm_jobs: {SCRIPT} (trace abc-123)",
        entities=[read(fetched=7),
                  read("jpm_jobs", 0, outcome="failed", detail=f"{SCRIPT} (trace abc-123)", trace_id="abc-123"),
                  read("crm_leads", 0, outcome="not_granted", detail="scope tn.crm.leads:r is not granted")],
        called=[calls(12), calls(3, status=429), calls(1, status=0)],
        run_id="run-1", full=True, seconds=42,
    )  # fmt: skip
    past.land(at + timedelta(seconds=2), entity="jpm_jobs", records=5, loaded=False, new_fields=[SCRIPT],
              notes=[Problem(0, None, None, "no", "{}")])  # fmt: skip
    html = signed_in(Role.OPERATOR).get(f"/tenants/acme/syncs/{sync_id}").text
    text = text_of(html)
    assert "<img" not in html
    for said in (
        "Calls 16, 3 pages,", "Rate limited (429) 3", "Failed 1", "Trace id abc-123", "Manual", "Full refresh",
        "Started: Full refresh (Manual)", "crm_customers: 7 records downloaded from 1 page",
        "after 2.0 s jpm_jobs: 5 records downloaded (1 of them problem records) from 1 page, 1 kB",
        f"jpm_jobs: New fields: {SCRIPT}", "crm_leads: permission missing. scope tn.crm.leads:r is not granted",
        f"Failed after 42 s: acme/jpm_jobs: {SCRIPT}", "no response", "permission missing",
    ):  # fmt: skip
        assert said in text, said
    assert "/runs/run-1" in html
    places = [
        text.index(said)
        for said in ("Started: Full refresh", "crm_customers: 7 records downloaded", "Failed after 42 s")
    ]
    assert places == sorted(places)


def test_a_sync_of_another_tenant_is_not_found_to_anybody(signed_in: SignedIn, past: Past) -> None:
    now = datetime.now(UTC)
    mine, other = past.sync(now - MINUTE, seconds=1), past.sync(now - MINUTE, "bolt", seconds=1)
    for role in Role:
        browser = signed_in(role)
        assert browser.get(f"/tenants/acme/syncs/{mine}").status_code == 200
        for number in (other, other + 1000, "0", "x", "9" * 18, "9" * 40, "-1", "%C2%B2"):
            assert browser.get(f"/tenants/acme/syncs/{number}").status_code == 404, number


def test_a_client_reads_no_commands_and_sees_no_dagster(signed_in: SignedIn, past: Past) -> None:
    sync_id = past.sync(
        datetime.now(UTC) - MINUTE, error="Refused", steps=(Step(Do.SYNC), Step(Do.RELOAD, "jpm_jobs")), run_id="run-1"
    )
    html = signed_in(Role.CLIENT).get(f"/tenants/acme/syncs/{sync_id}").text
    assert "Refused. Click Sync now under Status." in text_of(html)
    assert "st-pipeline reload" not in html
    assert "run-1" not in html


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)), st.integers(0, 10**17))
def test_a_position_comes_back_from_an_address(at: datetime, number: int) -> None:
    assert position_of(position_text(Position(at, number))) == Position(at, number)


@given(st.text() | st.from_regex(r"\A[0-9]{0,40}-[0-9]{0,40}\Z"))
def test_no_address_breaks_it(text: str) -> None:
    found = position_of(text)
    assert found is None or (found.id >= 0 and found.started_at.tzinfo is UTC)
