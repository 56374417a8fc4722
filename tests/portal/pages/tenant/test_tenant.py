"""portal/pages/tenant/tenant.py: the page says what the rows say, each to whom it concerns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from st_pipeline.alerting.incident_table import store
from st_pipeline.alerting.incidents import Reconciled
from st_pipeline.history import recorder
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.portal.people.roles import Role
from st_pipeline.postgres import Database
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.steps.step import Do, Step
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.support.past import Past, calls, read

SCRIPT = "<script>alert(1)</script>"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    """Acme as it was registered, and nothing done."""
    for table in ("quarantine", "landed_files", "sync_requests", "syncs", "incidents"):
        control.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]
    control.execute("update control.tenants set name = key, cadence = 'nightly', enabled = true")
    return Past(control)


def test_the_page_has_the_figures_of_the_last_sync_by_entity(signed_in: SignedIn, past: Past) -> None:
    at = datetime.now(UTC) - 5 * MINUTE
    past.sync(
        at, entities=[read(fetched=1234, loaded=1230, quarantined_whole=4, quarantined_fields=11)], called=[calls(3)]
    )
    html = signed_in(Role.CLIENT).get("/tenants/acme").text
    text = text_of(html)
    assert "All good" in text
    assert "Schedule every day at 02:00 , UTC" in text
    assert "Customers crm_customers succeeded 1,234 1,230 4 11 fields" in text
    assert f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}" data-zone="UTC">' in html
    assert "Last sync: 1 succeeded, 0 failed; largest sync 1,230 records" in html


def test_a_running_sync_shows_what_it_has_done_so_far(signed_in: SignedIn, past: Past, warehouse: Database) -> None:
    now = datetime.now(UTC)
    recorder.record_start(past.connection, "acme", None, now - MINUTE, full=True)
    past.land(now - MINUTE / 2, records=600)
    past.land(now - MINUTE / 3, records=300, loaded=False)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        text = text_of(signed_in(Role.VIEWER).get("/tenants/acme/status", headers={"X-Live": "1"}).text)
    assert "Sync running" in text
    assert "Full refresh (Manual)" in text
    assert "Customers 900 600" in text
    assert "was interrupted" in text_of(signed_in(Role.VIEWER).get("/tenants/acme").text)


def test_the_live_part_is_the_part_of_the_page(signed_in: SignedIn, past: Past) -> None:
    browser = signed_in(Role.OPERATOR)
    page, part = browser.get("/tenants/acme").text, browser.get("/tenants/acme/status").text
    assert re.search(r'<div id="status" data-live="/tenants/acme/status" data-every="\d+">', part)
    assert part.strip() in page
    assert "<html" not in part


def test_what_others_wrote_is_escaped_and_a_client_reads_no_commands(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    control.execute("update control.tenants set name = %s where key = 'acme'", (f"Acme {SCRIPT}",))
    failed = read("jpm_jobs", 0, outcome="failed", detail=f"{SCRIPT} (trace abc)")
    steps = (Step(Do.SYNC), Step(Do.RELOAD, "jpm_jobs"))
    error = f"The disk is full {SCRIPT}"
    past.sync(datetime.now(UTC) - MINUTE, error=error, own_error=error, steps=steps, entities=[failed])
    finding = Finding("error_rate", "acme", Severity.NOW, f"Calls fail {SCRIPT}", datetime.now(UTC),
                      (Step(Do.VIEW_SYNCS), Step(Do.CHECK_DAEMON)))  # fmt: skip
    store(control, Reconciled([finding], [], []), "http://dagster.test", datetime.now(UTC))
    for role in Role:
        for path in ("/tenants/acme", "/tenants/acme/status"):
            html = signed_in(role).get(path).text
            assert "<script>alert" not in html
            text = text_of(html)
            assert f"Calls fail {SCRIPT}" in text
            assert "The last sync failed" in text
            own = "An operator can click Sync now." if role is Role.VIEWER else "Click Sync now under Status."
            assert own in text
            assert ("check that the sync service is still running" in text) == (role is not Role.CLIENT)
            assert ("st-pipeline reload" in text) == (role is not Role.CLIENT)
            assert "st-pipeline sync" not in text


def test_one_trouble_is_told_once(signed_in: SignedIn, past: Past, control: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    past.sync(now - MINUTE, error="acme/jpm_jobs: no answer", entities=[read("jpm_jobs", 0, outcome="failed")])
    found = [
        Finding(rule, "acme", Severity.NOW, what, now, steps)
        for rule, what, steps in (
            ("failed_sync", "The sync failed: no answer", (Step(Do.SYNC),)),
            ("stale", "Its data is old", (Step(Do.VIEW_SYNCS),)),
            ("not_connected", "Never let in", (Step(Do.ENTER_CREDENTIALS),)),
        )
    ]
    store(control, Reconciled(found, [], []), "http://dagster.test", now)
    page = signed_in(Role.OPERATOR).get("/tenants/acme").text
    assert "acme/jpm_jobs: no answer. Click Sync now under Status." in text_of(page.split("</section>")[0])
    assert page.count('aria-label="Open alert"') == 2
    control.execute("update control.tenants set status = 'not_connected' where key = 'acme'")
    text = text_of(signed_in(Role.OPERATOR).get("/tenants/acme").text)
    assert "Never let in" not in text
    assert "Its data is old" in text
    control.execute("update control.tenants set status = 'connected' where key = 'acme'")


def test_what_can_wait_is_told_below_what_cannot_and_folded_if_it_is_much(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    late = [
        Finding("quarantine", "acme", Severity.CAN_WAIT, f"Set aside {n}", now, (Step(Do.CHECK_FIELDS),), f"e{n}")
        for n in range(3)
    ]
    urgent = Finding("stale", "acme", Severity.NOW, "Its data is old", now, (Step(Do.VIEW_SYNCS),))
    browser = signed_in(Role.OPERATOR)
    store(control, Reconciled([late[0]], [], []), "http://dagster.test", now)
    assert "can wait" not in browser.get("/tenants/acme").text
    store(control, Reconciled([*late[1:], urgent], [], []), "http://dagster.test", now)
    page = browser.get("/tenants/acme").text
    before, folded = page.split("</details>")[0].split("<summary>3 lower-priority issues</summary>")
    assert "Its data is old" in before
    assert "Set aside" not in before
    assert [n for n in range(3) if f"Set aside {n}." in folded] == [0, 1, 2]


def test_only_those_who_may_have_the_buttons_and_the_way_to_dagster(signed_in: SignedIn, past: Past) -> None:
    past.sync(datetime.now(UTC) - MINUTE, entities=[read()], run_id="run-4711")
    seen = {role: signed_in(role).get("/tenants/acme").text for role in Role}
    has = {
        role: [words in html for words in ("Sync now", ">Pause<", "Request full refresh", "/runs/run-4711")]
        for role, html in seen.items()
    }
    assert has == {
        Role.OPERATOR: [True, True, True, True],
        Role.VIEWER: [False, False, False, False],
        Role.CLIENT: [True, False, False, False],
    }


def test_one_that_was_never_connected_has_no_button_to_sync_it(
    signed_in: SignedIn, past: Past, control: psycopg.Connection
) -> None:
    control.execute("update control.tenants set connected_at = null, status = 'not_connected' where key = 'acme'")
    page = signed_in(Role.OPERATOR).get("/tenants/acme").text
    assert not any(word in page for word in (">Sync now<", "Request full refresh"))
    assert '<a class="button" href="/tenants/acme/connect">See what to do</a>' in page
    control.execute("update control.tenants set connected_at = created_at, status = 'connected' where key = 'acme'")
