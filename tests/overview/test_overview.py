"""The state of every tenant. tests/cli/test_status.py compares it with rows counted by hand."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from st_pipeline.alerting.alert_round import Alerting, evaluate
from st_pipeline.history import recorder
from st_pipeline.history.syncs import SyncState
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.landing.typer import Problem
from st_pipeline.overview.overview import TenantOverview, read_overview, read_tenant_overview
from st_pipeline.postgres import Database
from st_pipeline.schedule import sync_requests
from st_pipeline.schedule.due_times import Reason
from st_pipeline.schedule.tenant_states import read_next_syncs
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.errors import TenantUnknown
from st_pipeline.tenants.model import Status
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, calls, read


def shown(past: Past) -> dict[str, TenantOverview]:
    return {one.tenant.key: one for one in read_overview(past.connection, NOW).tenants}


def test_no_tenant_is_registered(past: Past) -> None:
    overview = read_overview(past.connection, NOW)
    assert (overview.at, overview.tenants) == (NOW, [])
    assert (overview.totals.tenants, overview.totals.success_rate, overview.totals.rate_limit_share) == (0, None, None)


def test_the_last_sync_and_the_last_success(past: Past) -> None:
    past.tenant()
    past.nights(3)
    error = "acme/jpm_jobs: no (trace abc)"
    past.sync(NOW - HOUR, error=error, trace_id="abc", entities=[read(fetched=7)], seconds=42, partial=True)
    one = shown(past)["acme"]
    assert one.last
    assert (one.last.error, one.last.trace_id, one.last.fetched) == ("acme/jpm_jobs: no (trace abc)", "abc", 7)
    assert (one.last.reason, one.last.requested_by) == ("manual", "")
    assert one.last_success_at == LAST_NIGHT + timedelta(seconds=300)


def test_running_killed_and_waiting_syncs(past: Past, warehouse: Database) -> None:
    for key in ("acme", "bolt", "cole", "dale", "eve"):
        past.tenant(key, cadence="paused" if key in ("cole", "eve") else "nightly")
    for key in ("acme", "bolt"):
        recorder.record_start(past.connection, key, None, NOW - HOUR, full=False)
    past.sync(LAST_NIGHT, "dale", entities=[read()])
    sync_requests.request_sync(past.connection, "acme", "ann", NOW)
    sync_requests.request_sync(past.connection, "cole", "ann", NOW)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        overview = read_overview(past.connection, NOW)
    tenants = {one.tenant.key: one for one in overview.tenants}
    assert tenants["acme"].recent[-1].state is SyncState.RUNNING
    assert tenants["bolt"].recent[-1].state is SyncState.INTERRUPTED
    assert tenants["bolt"].recent[-1].seconds is None
    assert {key for key, one in tenants.items() if one.is_queued} == {"bolt", "cole"}
    assert (overview.totals.running, overview.totals.queued) == (1, 2)
    past.connection.execute("delete from control.sync_requests")


def test_the_next_sync_is_the_one_the_schedule_will_start(past: Past) -> None:
    for key, cadence in (("acme", "nightly"), ("bolt", "every 6h"), ("cole", "paused"), ("dale", "weekly fri 03:00")):
        past.tenant(key, cadence=cadence)
        past.sync(LAST_NIGHT, key, entities=[read()], error="no" if key == "dale" else None)
    expected = read_next_syncs(past.connection, tenant_table.read_all(past.connection), NOW)
    found = shown(past)
    assert {key: one.next_sync for key, one in found.items()} == expected
    assert expected["cole"] is None
    due = found["acme"].next_sync
    assert due
    assert due.at > NOW
    assert due.reason is Reason.REGULAR


def test_data_is_fresh_until_its_cadence_has_passed_and_then_stale(past: Past) -> None:
    for key in ("acme", "bolt", "cole", "dale", "eve"):
        past.tenant(key, cadence="paused" if key == "cole" else "nightly")
        past.sync(LAST_NIGHT - (5 * DAY if key == "bolt" else 0 * DAY), key, entities=[read()])
    past.connection.execute("update control.tenants set enabled = false where key = 'dale'")
    past.connection.execute(
        "update control.tenants set connected_at = null, status = 'not_connected' where key = 'eve'"
    )
    found = shown(past)
    fresh, stale = found["acme"], found["bolt"]
    assert fresh.fresh_until
    assert fresh.fresh_until > NOW
    assert fresh.stale_since is None
    assert stale.stale_since
    assert LAST_NIGHT - 5 * DAY < stale.stale_since < NOW
    assert stale.fresh_until is None
    assert {(found[key].fresh_until, found[key].stale_since) for key in ("cole", "dale", "eve")} == {(None, None)}


def test_incidents_and_quarantine(past: Past) -> None:
    past.tenant("acme")
    past.tenant("bolt")
    past.nights(3)
    past.nights(3, "bolt")
    past.found("bolt", Status.REFUSED, "The secret is no longer accepted. Enter another", NOW - HOUR)
    notes = [
        Problem(0, None, None, "no id", "{}"),
        Problem(1, 1, "type", "no text", "{}"),
        Problem(2, 2, "type", "no text", "{}"),
    ]
    past.land(NOW - HOUR, notes=notes, new_fields=["surprise"])
    evaluate(past.connection, Alerting(), NOW)
    overview = read_overview(past.connection, NOW)
    acme, bolt = overview.tenants
    assert (acme.quarantined_whole, acme.quarantined_fields, acme.drift) == (1, 2, 1)
    assert (bolt.quarantined_whole, bolt.quarantined_fields, bolt.drift) == (0, 0, 0)
    assert [incident.rule for incident in bolt.incidents] == ["credentials_refused"]
    assert {incident.tenant for incident in acme.incidents} == {"acme"}
    assert CUSTOMERS in {incident.entity for incident in acme.incidents}
    assert overview.totals.open_incidents == len(acme.incidents) + len(bolt.incidents)
    assert (overview.totals.tenants, overview.totals.connected) == (2, 1)


def test_the_share_of_the_rate_limit_is_of_60_calls_a_second(past: Past) -> None:
    past.tenant()
    past.sync(NOW - 10 * MINUTE, seconds=10, called=[calls(300)])
    totals = read_overview(past.connection, NOW).totals
    assert (totals.rate_limit_share, totals.busiest_tenant) == (pytest.approx(0.5), "acme")


def test_all_queries_use_one_snapshot_so_a_transaction_is_refused(past: Past) -> None:
    with past.connection.transaction(), pytest.raises(psycopg.errors.ActiveSqlTransaction):
        past.connection.execute("select 1")
        read_overview(past.connection, NOW)


def test_one_tenant_reads_the_same_alone_as_among_all(past: Past, warehouse: Database) -> None:
    for key in ("acme", "bolt", "cole"):
        past.tenant(key, cadence="paused" if key == "cole" else "nightly")
    past.nights(3)
    past.land(
        NOW - HOUR,
        notes=[Problem(0, 7, "balance", "no", "{}"), Problem(1, None, None, "no id", "{}")],
        new_fields=["x"],
    )
    past.sync(NOW - HOUR, "bolt", error="bolt/jpm_jobs: no (trace abc)")
    past.found("bolt", Status.REFUSED, "refused", NOW - HOUR)
    sync_requests.request_sync(past.connection, "cole", "ann", NOW)
    recorder.record_start(past.connection, "acme", None, NOW - MINUTE, full=True)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        among_all = shown(past)
        alone = {key: read_tenant_overview(past.connection, key, NOW) for key in among_all}
    assert alone == among_all
    assert alone["acme"].recent[-1].state is SyncState.RUNNING
    with pytest.raises(TenantUnknown):
        read_tenant_overview(past.connection, "dale", NOW)
