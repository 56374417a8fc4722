"""Reading the history: one sync in full, the last ones, and pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.history import recorder
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.history.syncs import (
    LONGEST_PAGE,
    Position,
    SyncState,
    read_last_syncs,
    read_running_syncs,
    read_sync,
    read_syncs,
)
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.calls import CallLog
from tests.support.past import DAY, HOUR, MINUTE, NOW, Past, calls, read

LOCK_KEY = "select hashtextextended('st-pipeline acme', 0) as key"


def test_one_sync_is_read_in_full(past: Past) -> None:
    past.tenant()
    log = CallLog()
    for n in range(1, 101):
        log.add("GET /a", status=200, seconds=n / 100, size=10, is_retry=n > 98)
    log.add("GET /a", status=429, seconds=0.01, size=10, is_retry=False)
    broken = EntityRecord(
        "jpm_jobs", "failed", pages=1, detail="acme/jpm_jobs: answers 500 (trace abc123)", trace_id="abc123"
    )
    cause = recorder.Cause("request", None, "ann")
    sync_id = recorder.record_start(past.connection, "acme", "run-7", NOW - HOUR, full=True, cause=cause)
    recorder.record_finish(
        past.connection, sync_id, "acme", NOW, error="jpm_jobs (trace abc123)", trace_id="abc123",
        entities=[read(), broken], calls=log.snapshot(),
    )  # fmt: skip
    detail = read_sync(past.connection, sync_id)
    assert detail
    sync = detail.sync
    assert (sync.id, sync.tenant, sync.state, sync.run_id) == (sync_id, "acme", SyncState.FAILED, "run-7")
    assert (sync.reason, sync.requested_by, sync.is_full, sync.is_partial) == ("request", "ann", True, False)
    assert (sync.started_at, sync.finished_at, sync.seconds) == (NOW - HOUR, NOW, 3600.0)
    assert (sync.error, sync.trace_id) == ("jpm_jobs (trace abc123)", "abc123")
    assert (sync.fetched, sync.loaded, sync.pages) == (100, 100, 2)
    assert (sync.calls, sync.failed_calls, sync.refused_calls, sync.retries) == (101, 0, 1, 2)
    middle, most = sync.latency(0.5), sync.latency(0.95)
    assert middle
    assert most
    assert 0.5 <= middle <= 0.625
    assert 0.95 <= most <= 1.0
    assert [(e.entity, e.outcome, e.fetched, e.trace_id) for e in detail.entities] == [
        ("crm_customers", "succeeded", 100, None),
        ("jpm_jobs", "failed", 0, "abc123"),
    ]
    assert detail.calls == log.snapshot()
    assert read_sync(past.connection, sync_id + 1) is None


def test_a_sync_without_calls_has_no_latency(past: Past) -> None:
    past.tenant()
    past.sync(NOW)
    (sync,) = read_last_syncs(past.connection, "acme", 5)
    assert sync.latency(0.5) is None


def test_the_last_syncs_of_a_tenant_the_newest_first(past: Past) -> None:
    past.tenant()
    past.tenant("bolt")
    ids = [past.sync(NOW - n * HOUR) for n in range(5)]
    past.sync(NOW, "bolt")
    assert [sync.id for sync in read_last_syncs(past.connection, "acme", 3)] == ids[:3]


def test_a_sync_is_running_while_its_process_exists_and_interrupted_otherwise(past: Past, warehouse: Database) -> None:
    past.tenant()
    past.tenant("bolt")
    killed = recorder.record_start(past.connection, "acme", None, NOW - 2 * HOUR, full=False)
    now = recorder.record_start(past.connection, "acme", None, NOW - HOUR, full=False)
    other = recorder.record_start(past.connection, "bolt", None, NOW - 3 * HOUR, full=False)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        assert read_running_syncs(past.connection) == {"acme": now}
        of_both = [*read_syncs(past.connection, "acme").syncs, *read_syncs(past.connection, "bolt").syncs]
        found = {state: read_syncs(past.connection, "acme", state=state).syncs for state in SyncState}
    states = {sync.id: sync.state for sync in of_both}
    assert states == {now: SyncState.RUNNING, killed: SyncState.INTERRUPTED, other: SyncState.INTERRUPTED}
    assert [sync.id for sync in found[SyncState.RUNNING]] == [now]
    assert [sync.id for sync in found[SyncState.INTERRUPTED]] == [killed]
    # The server notices a moment later that the lock's holder is gone.
    past.connection.execute("select pg_advisory_lock(key), pg_advisory_unlock(key) from (" + LOCK_KEY + ") acme")
    assert read_running_syncs(past.connection) == {}
    assert all(sync.seconds is None for sync in read_last_syncs(past.connection, "acme", 5))


def test_a_tenant_locked_for_something_other_than_its_last_sync_has_no_running_sync(
    past: Past, warehouse: Database
) -> None:
    past.tenant()
    recorder.record_start(past.connection, "acme", None, NOW - HOUR, full=False)
    past.sync(NOW - MINUTE)
    with tenant_lock(warehouse, "acme", "upkeep", wait_seconds=5):
        assert read_running_syncs(past.connection) == {}


@settings(max_examples=15)
@given(
    syncs=st.lists(
        st.tuples(st.sampled_from(["acme", "bolt"]), st.integers(0, 5), st.sampled_from(["well", "badly", "not"])),
        max_size=15,
    ),
    limit=st.integers(1, 6),
    state=st.sampled_from([None, SyncState.FAILED, SyncState.SUCCEEDED, SyncState.INTERRUPTED]),
)
def test_pages_show_every_sync_once_in_order_even_if_others_start_meanwhile(
    past: Past, syncs: list[tuple[str, int, str]], limit: int, state: SyncState | None
) -> None:
    past.forget()
    endings = {"well": SyncState.SUCCEEDED, "badly": SyncState.FAILED, "not": SyncState.INTERRUPTED}
    expected: list[tuple[int, int]] = []
    past.tenant("acme")
    past.tenant("bolt")
    for key, hours, end in syncs:
        at = NOW - hours * HOUR
        if end == "not":
            sync_id = recorder.record_start(past.connection, key, None, at, full=False)
        else:
            sync_id = past.sync(at, key, error="no" if end == "badly" else None)
        if key == "acme" and state in (None, endings[end]):
            expected.append((-hours, sync_id))
    seen: list[int] = []
    after: Position | None = None
    while True:
        page = read_syncs(past.connection, "acme", state=state, after=after, limit=limit)
        seen += [sync.id for sync in page.syncs]
        assert len(page.syncs) == limit or page.next is None
        if page.next is None:
            break
        after = page.next
        past.sync(NOW + DAY, "acme")
    assert seen == [sync_id for _, sync_id in sorted(expected, reverse=True)]


@pytest.mark.parametrize(("asked", "got"), [(0, 1), (2, 2), (LONGEST_PAGE + 1, 3)])
def test_a_page_has_at_least_one_sync_and_an_upper_bound(past: Past, asked: int, got: int) -> None:
    past.tenant()
    for n in range(3):
        past.sync(NOW - timedelta(hours=n), called=[calls(1)])
    assert len(read_syncs(past.connection, "acme", limit=asked).syncs) == got
