"""What a sync is to do is decided under the tenant's lock: a sync that was killed before is seen as that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from st_pipeline.history import recorder
from st_pipeline.history.recorder import Cause
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.postgres import Database
from st_pipeline.schedule import launch_claims, sync_requests
from st_pipeline.schedule.sync_requests import MOST_ATTEMPTS
from st_pipeline.sync.plan import SyncPlan
from st_pipeline.sync.start import start_sync
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.model import new_tenant

ENTITIES = ["crm_customers", "accounting_invoices"]
IF_DUE = SyncPlan(ENTITIES, ENTITIES, if_due=True)
NOW = datetime(2026, 6, 10, 13, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def acme(connection: psycopg.Connection, database: Database) -> Iterator[psycopg.Connection[Any]]:
    """acme is connected, paused, and its lock is held here, as by the sync that begins."""
    tenant_table.insert(connection, new_tenant(key="acme", tenant_id=1, environment="sandbox", cadence="paused"))
    connection.execute(
        "update control.tenants set status = 'connected', connected_at = %s, created_at = %s", (NOW, NOW - 9 * MINUTE)
    )
    with tenant_lock(database, "acme", "test", wait_seconds=5):
        yield connection


def begun(connection: psycopg.Connection[Any], request: SyncPlan = IF_DUE, at: datetime = NOW) -> tuple[SyncPlan, int]:
    found = start_sync(connection, "acme", request, at)
    assert found
    return found


def test_a_request_whose_sync_was_killed_is_done_by_the_next_run_and_not_for_ever(
    acme: psycopg.Connection[Any],
) -> None:
    assert start_sync(acme, "acme", IF_DUE, NOW) is None
    sync_requests.request_sync(acme, "acme", "ada", NOW, full=True)
    for _ in range(MOST_ATTEMPTS):
        request, _ = begun(acme)  # and killed: it never ends
        assert (request.cause, request.full) == (Cause("request", None, "ada"), True)
    assert start_sync(acme, "acme", IF_DUE, NOW) is None


def test_a_sync_that_was_killed_has_failed_for_the_next_one(acme: psycopg.Connection[Any]) -> None:
    acme.execute("update control.tenants set cadence = 'every 6h', connected_at = created_at")
    first, _ = begun(acme)
    assert first.cause.reason == "first"
    assert start_sync(acme, "acme", IF_DUE, NOW + MINUTE) is None, "it waits for its pause"
    again, _ = begun(acme, at=NOW + 6 * MINUTE)
    assert again.cause.reason == "retry"


def test_a_run_that_came_for_nothing_leaves_no_trace_but_lets_the_tenant_be_launched_again(
    acme: psycopg.Connection[Any],
) -> None:
    assert launch_claims.claim(acme, ["acme"], NOW) == {"acme"}
    assert launch_claims.claim(acme, ["acme"], NOW) == set()
    assert start_sync(acme, "acme", IF_DUE, NOW) is None
    assert acme.execute("select count(*) from control.syncs").fetchone() == (0,)
    assert launch_claims.claim(acme, ["acme"], NOW) == {"acme"}


def test_what_a_sync_covers_is_marked_with_it_and_the_rest_is_left(acme: psycopg.Connection[Any]) -> None:
    sync_requests.request_sync(acme, "acme", "ada", NOW, entities=["crm_customers"])
    sync_requests.request_sync(acme, "acme", "bob", NOW)
    request, sync_id = begun(acme)
    assert (list(request.land), request.is_partial) == (["crm_customers"], True)
    recorder.record_finish(acme, sync_id, "acme", NOW + MINUTE, error=None, entities=[], calls=[])
    assert [each.requested_by for each in sync_requests.read_open_requests(acme)] == ["bob"]
    served = acme.execute("select requested_by from control.sync_requests where sync_id = %s", (sync_id,)).fetchall()
    assert served == [("ada",)]
    whole, _ = begun(acme)
    assert not whole.is_partial
    assert whole.cause.requested_by == "bob"


def test_a_load_alone_does_nothing_that_anybody_asked_for(acme: psycopg.Connection[Any]) -> None:
    sync_requests.request_sync(acme, "acme", "ada", NOW)
    begun(acme, SyncPlan([], ENTITIES, reload=True))
    assert acme.execute("select served_at from control.sync_requests").fetchall() == [(None,)]


def test_what_somebody_starts_by_hand_does_what_was_asked_for_as_far_as_it_goes(acme: psycopg.Connection[Any]) -> None:
    sync_requests.request_sync(acme, "acme", "ada", NOW)
    sync_requests.request_sync(acme, "acme", "bob", NOW, full=True)
    request, _ = begun(acme, SyncPlan(ENTITIES, ENTITIES))
    assert request.cause.reason == "manual"
    served = acme.execute("select requested_by from control.sync_requests where served_at is not null").fetchall()
    assert served == [("ada",)], "a full one is still to be done"
