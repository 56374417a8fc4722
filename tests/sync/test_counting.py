"""counting.py: what the API counts beside what raw has, on the sandbox; and that a count never breaks anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from st_pipeline.rules.api_counts import ApiCount, read_last_counts
from st_pipeline.sandbox import Faults, Sandbox
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Kind
from st_pipeline.sync.counting import count_after_sync, endpoint_that_counts
from st_pipeline.sync.outcome import TenantOutcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from tests.sync.conftest import CANARY_SECRET

NOT_COUNTED = {"crm_customer_contacts", "accounting_invoice_items", "jpm_jobs"}
SOME = ("crm_customers", "accounting_invoices", "jpm_job_types")


def synced(pipeline: Pipeline, entities: Sequence[str] = SOME, *, full: bool = False) -> TenantOutcome:
    outcome = sync_tenant(pipeline, "acme", SyncPlan(land=entities, load=entities, full=full))
    assert outcome.failures == []
    return outcome


def count(pipeline: Pipeline, outcome: TenantOutcome, later: timedelta = timedelta(0)) -> int:
    """As the sync does after its entities."""
    with pipeline.client("acme") as client:
        return count_after_sync(pipeline, "acme", client, outcome.entities.values(), datetime.now(UTC) + later)


def counts(connection: psycopg.Connection) -> dict[str, ApiCount]:
    return {one.entity: one for one in read_last_counts(connection)}


@pytest.fixture
def fresh(pipeline: Pipeline, connection: psycopg.Connection) -> Pipeline:
    """Synced once, and without what the sync itself has counted."""
    synced(pipeline)
    connection.execute("delete from control.api_counts")
    return pipeline


def test_every_entity_is_counted_by_a_list_of_its_scope_that_has_inactive_records_or_by_none() -> None:
    for entity in ASSET_ENTITIES:
        counting = endpoint_that_counts(endpoint(entity))
        assert (counting is None) == (entity in NOT_COUNTED)
        if counting:
            assert (counting.entity, counting.kind, counting.scope) == (entity, Kind.LIST, endpoint(entity).scope)
            assert "/export/" not in counting.path
            assert {("active", "Any"), ("activeState", "All")} & set(counting.always)


def test_after_a_first_sync_raw_has_what_the_api_counts_of_every_entity(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    outcome = synced(pipeline, ASSET_ENTITIES)
    connection.execute("delete from control.api_counts")
    before = len(sandbox.calls)
    assert count(pipeline, outcome) == len(ASSET_ENTITIES) - len(NOT_COUNTED)
    found = counts(connection)
    assert set(found) == set(ASSET_ENTITIES) - NOT_COUNTED
    for entity, one in found.items():
        assert not one.is_off, entity
        assert one.api_total == sandbox.world(1001).count(entity)
    asked = [call for call in sandbox.calls[before:] if "/connect/token" not in call.path]
    assert len(asked) == len(found)
    assert all("pageSize=1&" in call.query and "includeTotal=true" in call.query for call in asked)


def test_a_row_that_is_missing_in_raw_is_seen(fresh: Pipeline, connection: psycopg.Connection) -> None:
    outcome = synced(fresh, full=True)
    connection.execute("delete from control.api_counts")
    connection.execute("delete from raw.crm_customers where id in (select min(id) from raw.crm_customers)")
    count(fresh, outcome)
    assert {entity: (one.missing, one.surplus) for entity, one in counts(connection).items()} == {
        "crm_customers": (1, 0),
        "accounting_invoices": (0, 0),
        "jpm_job_types": (0, 0),
    }


def test_a_record_that_was_deleted_is_seen_and_a_full_read_mends_it(
    fresh: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sandbox.delete(1001, "crm_customers", sandbox.world(1001).records("crm_customers")[0]["id"])
    count(fresh, synced(fresh))
    assert counts(connection)["crm_customers"].surplus == 1
    count(fresh, synced(fresh, full=True), timedelta(minutes=1))
    assert not counts(connection)["crm_customers"].is_off


def test_what_is_too_new_for_exports_is_in_neither_count(
    fresh: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    held = sandbox.world(1001).count("crm_customers")
    added = sandbox.change(1001, 3, additions=8, late=2).additions["crm_customers"]
    assert added
    outcome = synced(fresh, full=True)
    count(fresh, outcome)
    found = counts(connection)
    assert not any(one.is_off for one in found.values())
    assert found["crm_customers"].api_total == held
    sandbox.advance(20 * 60)
    count(fresh, synced(fresh, full=True), timedelta(hours=2))
    assert not counts(connection)["crm_customers"].is_off


def test_records_that_cannot_be_typed_are_in_the_count_or_not(
    fresh: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sandbox.faults = Faults(untypable=0.5)
    count(fresh, synced(fresh, full=True))
    found = counts(connection)
    assert sum(one.unsure for one in found.values()) > 0
    assert not any(one.missing for one in found.values())


def test_it_is_asked_again_after_a_week_or_a_full_read_and_not_before(
    fresh: Pipeline, connection: psycopg.Connection
) -> None:
    again = synced(fresh)
    assert set(counts(connection)) == set(SOME), "the sync itself asks"
    assert count(fresh, again) == 0
    assert count(fresh, again, timedelta(days=6)) == 0
    assert count(fresh, again, timedelta(days=8)) == len(SOME)
    assert count(fresh, synced(fresh, ["crm_customers"], full=True), timedelta(days=8)) == 1


def test_a_count_that_cannot_be_had_raises_nothing_and_leaks_nothing(
    fresh: Pipeline, sandbox: Sandbox, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = synced(fresh)
    connection.execute("delete from control.api_counts")
    before = len(sandbox.calls)
    sandbox.faults = Faults(rate_5xx=1.0)
    assert count(fresh, outcome) == 0
    assert counts(connection) == {}
    assert "could not get the API's record counts" in caplog.text
    assert CANARY_SECRET not in caplog.text
    assert len(sandbox.calls) - before <= 2, "an API that is down is not asked for every entity"
    sandbox.faults = Faults()
    assert count(fresh, outcome) == len(SOME)


def test_what_was_not_read_to_its_end_or_not_loaded_is_not_counted(fresh: Pipeline) -> None:
    landed_alone = sync_tenant(fresh, "acme", SyncPlan(land=SOME, load=()))
    assert count(fresh, landed_alone) == 0
    loaded_alone = sync_tenant(fresh, "acme", SyncPlan(land=(), load=SOME, reload=True))
    assert count(fresh, loaded_alone) == 0
