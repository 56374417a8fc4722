"""defs/sync.py through defs/local_runs.py: real runs in a real instance, read back from its event log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.defs import local_runs
from st_pipeline.defs.partitions import range_tags
from st_pipeline.sandbox import Sandbox
from st_pipeline.schedule import sync_requests
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants import clients
from st_pipeline.tenants.recheck import check_and_record

from .conftest import definitions


def materialized(instance: dg.DagsterInstance, run_id: str) -> dict[tuple[str, str], dict]:
    """(asset, partition) -> metadata of what the run materialized."""
    records = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    found = {}
    for record in records:
        event = record.dagster_event
        assert event and event.asset_key
        metadata = event.step_materialization_data.materialization.metadata
        found[event.asset_key.to_user_string(), event.partition] = {k: v.value for k, v in metadata.items()}
    return found


def failure_of(instance: dg.DagsterInstance, run_id: str) -> str:
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert events
    event = events[-1].dagster_event
    assert event
    data = event.step_failure_data
    assert data.user_failure_data
    return str(data.user_failure_data.description)


def test_one_tenant_is_one_partition_with_the_counts_of_its_records(
    instance: dg.DagsterInstance, pipeline: Pipeline, sandbox: Sandbox
) -> None:
    (run,) = local_runs.run_sync(instance, pipeline, ["alpha"], ASSET_ENTITIES, full=True)
    assert run.succeeded
    found = materialized(instance, run.run_id)
    assert set(found) == {(f"{layer}/{e}", "alpha") for layer in ("landing", "raw") for e in ASSET_ENTITIES}
    for entity in ASSET_ENTITIES:
        held = sandbox.world(1).count(entity)
        landing, raw = found[f"landing/{entity}", "alpha"], found[f"raw/{entity}", "alpha"]
        assert landing["records_landed_in_this_sync"] == held
        assert "dagster/partition_row_count" not in landing, "what one sync landed is not what the partition has"
        assert raw["rows_loaded"] == raw["dagster/partition_row_count"] == held
        if held:
            assert landing["files"] >= 1
            assert landing["bytes"] > 0
            assert landing["cursor"] or entity == "jpm_job_types"


def test_in_a_range_one_tenant_fails_and_the_others_are_materialized(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    (run,) = local_runs.run_sync(instance, pipeline, ["alpha", "beta", "gamma"], ASSET_ENTITIES)
    assert not run.succeeded
    found = materialized(instance, run.run_id)
    assert {partition for _, partition in found} == {"alpha", "beta"}
    assert len(found) == 2 * 2 * len(ASSET_ENTITIES)
    said = failure_of(instance, run.run_id)
    assert "1 of 3 tenants failed (gamma)" in said
    assert "not connected yet" in said


def test_a_partition_added_by_hand_says_how_to_add_a_tenant(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    instance.add_dynamic_partitions("tenants", ["by-hand"])
    (run,) = local_runs.run_sync(instance, pipeline, ["by-hand"], ["crm_customers"])
    instance.delete_dynamic_partition("tenants", "by-hand")
    assert "A partition does not make a tenant: by-hand. Add it in the portal" in failure_of(instance, run.run_id)


def test_a_selection_of_entities_touches_no_other(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    (run,) = local_runs.run_sync(instance, pipeline, ["beta"], ["crm_customers"], full=True)
    assert run.succeeded
    assert set(materialized(instance, run.run_id)) == {("landing/crm_customers", "beta"), ("raw/crm_customers", "beta")}


def test_a_reload_makes_no_api_calls(instance: dg.DagsterInstance, pipeline: Pipeline, sandbox: Sandbox) -> None:
    local_runs.run_sync(instance, pipeline, ["beta"], ["crm_customers"])
    before = len(sandbox.calls)
    (run,) = local_runs.run_sync(instance, pipeline, ["beta"], ["crm_customers"], reload=True)
    assert run.succeeded
    assert len(sandbox.calls) == before
    assert materialized(instance, run.run_id)["raw/crm_customers", "beta"]["rows_loaded"] >= sandbox.world(2).count(
        "crm_customers"
    )


def run_as_the_daemon_does(instance: dg.DagsterInstance, pipeline: Pipeline, first: str, last: str) -> str:
    """A run for a range of tenants that does what is requested or due for each of them."""
    result = (
        definitions()
        .resolve_job_def("sync_tenant")
        .execute_in_process(
            instance=instance,
            resources={"pipeline": pipeline},
            run_config={"ops": {"sync": {"config": {"if_due": True}}}},
            tags=range_tags(first, last),
            raise_on_error=False,
        )
    )
    return result.run_id


@pytest.fixture
def unsynced(instance: dg.DagsterInstance, pipeline: Pipeline) -> Iterator[psycopg.Connection]:
    """alpha and beta are connected but never synced; gamma is not connected; nothing was requested."""
    instance.add_dynamic_partitions("tenants", ["alpha", "beta", "gamma"])
    with (
        pipeline.registry() as registry,
        postgres.connect(pipeline.database, autocommit=True) as connection,
    ):
        for key in ("alpha", "beta"):
            check_and_record(registry, pipeline.settings, key, datetime.now(UTC))
        connection.execute("delete from control.syncs")
        connection.execute("delete from control.sync_requests")
        yield connection


def syncs(connection: psycopg.Connection, run_id: str) -> list[tuple]:
    return connection.execute(
        "select tenant, reason, requested_by, is_partial, is_full from control.syncs where run_id = %s order by tenant",
        (run_id,),
    ).fetchall()


def test_a_run_syncs_what_is_due_and_repeating_it_does_nothing(
    instance: dg.DagsterInstance, pipeline: Pipeline, unsynced: psycopg.Connection
) -> None:
    first = run_as_the_daemon_does(instance, pipeline, "alpha", "gamma")
    assert syncs(unsynced, first) == [
        ("alpha", "first", "", False, False),
        ("beta", "first", "", False, False),
    ]
    row = instance.get_run_by_id(first)
    assert row and row.status is dg.DagsterRunStatus.SUCCESS, "a tenant that is not due is not a failure"
    assert {partition for _, partition in materialized(instance, first)} == {"alpha", "beta"}
    again = run_as_the_daemon_does(instance, pipeline, "alpha", "gamma")
    assert syncs(unsynced, again) == []
    assert materialized(instance, again) == {}


def test_a_run_does_only_what_was_requested_for_each_tenant(
    instance: dg.DagsterInstance, pipeline: Pipeline, unsynced: psycopg.Connection
) -> None:
    run_as_the_daemon_does(instance, pipeline, "alpha", "beta")
    now = datetime.now(UTC)
    sync_requests.request_sync(unsynced, "alpha", "ada", now, full=True, entities=["crm_customers"])
    sync_requests.request_sync(unsynced, "beta", "bob", now)
    run_id = run_as_the_daemon_does(instance, pipeline, "alpha", "beta")
    assert syncs(unsynced, run_id) == [
        ("alpha", "request", "ada", True, True),
        ("beta", "request", "bob", False, False),
    ]
    found = materialized(instance, run_id)
    assert {asset for asset, partition in found if partition == "alpha"} == {
        "landing/crm_customers",
        "raw/crm_customers",
    }
    assert len([asset for asset, partition in found if partition == "beta"]) == 2 * len(ASSET_ENTITIES)
    assert sync_requests.read_open_requests(unsynced) == []


def test_a_failed_tenant_waits_until_it_is_due_again(
    instance: dg.DagsterInstance, pipeline: Pipeline, unsynced: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = RetryPolicy(tries=1, first_wait=0.01, longest_wait=0.01, longest_named_wait=0.01, total_seconds=0.1)
    real = clients.client
    monkeypatch.setattr(clients, "client", lambda *given, **named: real(*given, **{**named, "retry": brief}))
    nowhere = replace(pipeline, settings=replace(pipeline.settings, sandbox_url="http://127.0.0.1:1"))
    run_id = run_as_the_daemon_does(instance, nowhere, "alpha", "alpha")
    assert "alpha" in failure_of(instance, run_id)
    assert instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert [row[:2] for row in syncs(unsynced, run_id)] == [("alpha", "first")]
    # By now it is waiting for its retry.
    again = run_as_the_daemon_does(instance, pipeline, "alpha", "alpha")
    assert syncs(unsynced, again) == []
    later = replace(pipeline, clock=lambda: datetime.now(UTC) + timedelta(minutes=6))
    retried = run_as_the_daemon_does(instance, later, "alpha", "alpha")
    assert [row[:2] for row in syncs(unsynced, retried)] == [("alpha", "retry")]


def test_the_history_names_the_run(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    (run,) = local_runs.run_sync(instance, pipeline, ["alpha"], ["jpm_job_types"])
    with postgres.connect(pipeline.database) as connection:
        rows = connection.execute(
            "select tenant, outcome from control.syncs where run_id = %s", (run.run_id,)
        ).fetchall()
    assert rows == [("alpha", "succeeded")]
