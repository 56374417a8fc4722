"""Tenants' states, from the registry, the history and the locks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from st_pipeline.history import recorder
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.postgres import Database
from st_pipeline.schedule.due_times import Reason, State, parse
from st_pipeline.schedule.tenant_states import MOST_FAILURES, parse_stored_cadence, read_next_syncs, read_states
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.model import new_tenant

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
REGISTERED = NOON - timedelta(days=30)
CREDENTIALS = NOON - timedelta(days=29)


@pytest.fixture(autouse=True)
def registry(control: psycopg.Connection) -> None:
    for table in ("syncs", "tenants", "removed_tenants"):
        control.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]


def register(control: psycopg.Connection, key: str = "acme", number: int = 1, *, cadence: str = "every 6h") -> str:
    """Register a tenant that has been connected since the first day."""
    tenant = new_tenant(key=key, tenant_id=number, environment="sandbox", cadence=cadence)
    tenant_table.insert(control, tenant)
    control.execute(
        "update control.tenants set created_at = %s, connected_at = %s, status = 'connected' where key = %s",
        (REGISTERED, REGISTERED + HOUR, key),
    )
    control.execute(
        "insert into control.credentials (tenant, client_id, client_secret, created_at) values (%s, 'x', 'x', %s)",
        (key, CREDENTIALS),
    )
    return key


def sync(control: psycopg.Connection, at: datetime, *, key: str = "acme", error: str | None = None) -> None:
    """A sync that took ten minutes."""
    sync_id = recorder.record_start(control, key, None, at, full=False)
    recorder.record_finish(control, sync_id, key, at + 10 * MINUTE, error=error, entities=(), calls=())


def expected(**known: object) -> State:
    state = State(connected_since=REGISTERED, last_success_due=None, credentials_changed_at=CREDENTIALS)
    return replace(state, **known)  # pyright: ignore[reportArgumentType]


def test_a_tenant_that_never_was_synced(control: psycopg.Connection) -> None:
    register(control)
    assert read_states(control) == {"acme": expected()}


def test_a_tenant_that_never_was_connected_and_one_that_is_disabled(control: psycopg.Connection) -> None:
    register(control)
    control.execute("update control.tenants set status = 'not_connected', connected_at = null, enabled = false")
    control.execute("delete from control.credentials")
    assert read_states(control)["acme"] == State(None, None, last_failure_is_permanent=True, enabled=False)


def test_the_last_success_counts_and_the_failures_since(control: psycopg.Connection) -> None:
    register(control)
    register(control, "bolt", 2)
    sync(control, NOON - 9 * HOUR, error="forgotten by the success after it")
    sync(control, NOON - 8 * HOUR)
    sync(control, NOON - 7 * HOUR)
    sync(control, NOON - 2 * HOUR, error="503")
    sync(control, NOON - HOUR, error="503")
    sync(control, NOON - 3 * HOUR, key="bolt")
    states = read_states(control)
    assert states["acme"] == expected(
        last_success_due=NOON - 7 * HOUR,
        failed_starts=(NOON - 2 * HOUR, NOON - HOUR),
        last_ended_at=NOON - 50 * MINUTE,
    )
    assert states["bolt"] == expected(last_success_due=NOON - 3 * HOUR)


def test_refused_credentials_are_permanent(control: psycopg.Connection) -> None:
    register(control)
    sync(control, NOON - HOUR, error="refused")
    for status, permanent in (("refused", True), ("unreachable", False), ("connected", False)):
        control.execute("update control.tenants set status = %s", (status,))
        assert read_states(control)["acme"].last_failure_is_permanent is permanent


def test_a_sync_is_running_while_its_process_holds_the_lock_and_failed_otherwise(
    control: psycopg.Connection, warehouse: Database
) -> None:
    register(control)
    register(control, "bolt", 2)
    recorder.record_start(control, "acme", None, NOON - HOUR, full=False)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        states = read_states(control)
        assert states["acme"] == expected(running=True)
        assert not states["bolt"].running
    assert read_states(control)["acme"] == expected(failed_starts=(NOON - HOUR,), last_ended_at=NOON - HOUR)


def test_only_the_last_of_many_failures_are_read(control: psycopg.Connection) -> None:
    register(control)
    for minutes in range(MOST_FAILURES + 5):
        sync(control, NOON - minutes * MINUTE, error="503")
    starts = read_states(control)["acme"].failed_starts
    assert (len(starts), starts[-1]) == (MOST_FAILURES, NOON)


def test_the_next_sync_of_each_tenant(control: psycopg.Connection) -> None:
    for number, (key, cadence) in enumerate({"acme": "*/15 * * * *", "bolt": "nightly", "cole": "paused"}.items(), 1):
        register(control, key, number, cadence=cadence)
    sync(control, NOON + MINUTE)
    gone = replace(tenant_table.read(control, "acme"), key="gone")
    found = read_next_syncs(control, [*tenant_table.read_all(control), gone], NOON + 20 * MINUTE)
    assert found.keys() == {"acme", "bolt", "cole"}
    acme, bolt = found["acme"], found["bolt"]
    assert acme
    assert (acme.at, acme.reason) == (NOON + 15 * MINUTE, Reason.REGULAR)
    assert bolt
    assert bolt.reason is Reason.FIRST
    assert found["cole"] is None


def test_a_cadence_of_an_older_version_is_nightly() -> None:
    assert parse_stored_cadence("0 0 30 2 *") == parse("nightly")
    assert parse_stored_cadence("weekly fri") == parse("weekly fri")


def test_a_partial_sync_is_neither_a_success_nor_a_failure_of_the_tenant(control: psycopg.Connection) -> None:
    register(control)
    for at, error in ((NOON, None), (NOON + HOUR, "no answer")):
        sync_id = recorder.record_start(control, "acme", None, at, full=False, partial=True)
        recorder.record_finish(control, sync_id, "acme", at + MINUTE, error=error, entities=(), calls=())
    assert read_states(control)["acme"] == expected()
