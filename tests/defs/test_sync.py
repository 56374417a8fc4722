"""defs/sync.py through defs/launch.py: real runs in a real instance, read back from its event log."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from st_pipeline import postgres
from st_pipeline.defs import launch
from st_pipeline.sandbox import Sandbox
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants import access


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
    (run,) = launch.run_sync(instance, pipeline, ["alpha"], ASSET_ENTITIES)
    assert run.succeeded
    found = materialized(instance, run.run_id)
    assert set(found) == {(f"{layer}/{e}", "alpha") for layer in ("landing", "raw") for e in ASSET_ENTITIES}
    for entity in ASSET_ENTITIES:
        held = sandbox.world(1).count(entity)
        landing, raw = found[f"landing/{entity}", "alpha"], found[f"raw/{entity}", "alpha"]
        assert landing["records"] == landing["dagster/partition_row_count"] == held
        assert raw["rows_loaded"] == raw["dagster/partition_row_count"] == held
        if held:
            assert landing["files"] >= 1
            assert landing["bytes"] > 0
            assert landing["cursor"] or entity == "jpm_job_types"


def test_in_a_range_one_tenant_fails_and_the_others_are_materialized(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    (run,) = launch.run_sync(instance, pipeline, ["alpha", "beta", "gamma"], ASSET_ENTITIES)
    assert not run.succeeded
    found = materialized(instance, run.run_id)
    assert {partition for _, partition in found} == {"alpha", "beta"}
    assert len(found) == 2 * 2 * len(ASSET_ENTITIES)
    said = failure_of(instance, run.run_id)
    assert "1 of 3 tenants failed (gamma)" in said
    assert "not connected yet" in said


def test_a_selection_of_entities_touches_no_other(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    (run,) = launch.run_sync(instance, pipeline, ["beta"], ["crm_customers"], full=True)
    assert run.succeeded
    assert set(materialized(instance, run.run_id)) == {("landing/crm_customers", "beta"), ("raw/crm_customers", "beta")}


def test_a_reload_asks_nothing_of_the_api(instance: dg.DagsterInstance, pipeline: Pipeline, sandbox: Sandbox) -> None:
    launch.run_sync(instance, pipeline, ["beta"], ["crm_customers"])
    before = len(sandbox.calls)
    (run,) = launch.run_sync(instance, pipeline, ["beta"], ["crm_customers"], reload=True)
    assert run.succeeded
    assert len(sandbox.calls) == before
    assert materialized(instance, run.run_id)["raw/crm_customers", "beta"]["rows_loaded"] >= sandbox.world(2).count(
        "crm_customers"
    )


def _steps_tried_again(instance: dg.DagsterInstance, run_id: str) -> int:
    return len(instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY))


def _run_as_the_daemon_does(instance: dg.DagsterInstance, pipeline: Pipeline, key: str) -> str:
    """Not interactive: no tag says that somebody watches."""
    from st_pipeline.definitions import build_defs

    job = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)}).resolve_job_def("sync_tenant")
    return job.execute_in_process(instance=instance, partition_key=key, raise_on_error=False).run_id


def test_refused_credentials_are_not_tried_again(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    instance.add_dynamic_partitions("tenants", ["gamma"])
    run_id = _run_as_the_daemon_does(instance, pipeline, "gamma")
    assert _steps_tried_again(instance, run_id) == 0


def test_an_unavailable_api_is_tried_again(
    instance: dg.DagsterInstance, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from st_pipeline.defs import sync as module

    brief = RetryPolicy(tries=1, first_wait=0.01, longest_wait=0.01, longest_named_wait=0.01, total_wait=0.1)
    real = access.client
    monkeypatch.setattr(access, "client", lambda *given, **named: real(*given, **{**named, "retry": brief}))
    policy = module.sync.op.retry_policy
    assert policy
    monkeypatch.setattr(module.sync.op, "_retry_policy", policy._replace(delay=0.01))
    nowhere = replace(pipeline, settings=replace(pipeline.settings, sandbox_url="http://127.0.0.1:1"))
    instance.add_dynamic_partitions("tenants", ["alpha"])
    run_id = _run_as_the_daemon_does(instance, nowhere, "alpha")
    assert _steps_tried_again(instance, run_id) == policy.max_retries
    assert "alpha" in failure_of(instance, run_id)


def test_the_history_names_the_run(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    (run,) = launch.run_sync(instance, pipeline, ["alpha"], ["jpm_job_types"])
    with postgres.connect(pipeline.database) as connection:
        rows = connection.execute(
            "select tenant, outcome from control.syncs where run_id = %s", (run.run_id,)
        ).fetchall()
    assert rows == [("alpha", "succeeded")]
