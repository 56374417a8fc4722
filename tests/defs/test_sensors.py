"""defs/sensors.py on a real instance: from the registry to partitions, and the frequent checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from st_pipeline import postgres
from st_pipeline.definitions import build_defs
from st_pipeline.defs import local_runs
from st_pipeline.defs.partitions import range_tags
from st_pipeline.defs.sensors import alerts, loaded_waves, skipped_checks, tenant_registry, waiting_tenants
from st_pipeline.history import recorder
from st_pipeline.sandbox import Sandbox
from st_pipeline.schedule import build_schedule
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.recheck import check_and_record
from tests.conftest import NewWarehouse

from .conftest import definitions


def evaluate(instance: dg.DagsterInstance, pipeline: Pipeline) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}, definitions=definitions())
    return tenant_registry(context)  # type: ignore[return-value]


def test_registered_tenants_become_partitions_and_removed_ones_are_deleted(pipeline: Pipeline) -> None:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha", "left", "left-in-flight"])
        run = dg.DagsterRun(
            "sync_tenant", tags={"dagster/partition": "left-in-flight"}, status=dg.DagsterRunStatus.STARTED
        )
        instance.add_run(run)
        result = evaluate(instance, pipeline)
        assert isinstance(result, dg.SensorResult)
        added, deleted = result.dynamic_partitions_requests or []
        assert list(added.partition_keys) == ["beta", "gamma"]
        assert list(deleted.partition_keys) == ["left"]


def test_a_skip_gives_its_reason(pipeline: Pipeline) -> None:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha", "beta", "gamma"])
        assert isinstance(evaluate(instance, pipeline), dg.SkipReason)


def test_an_unreadable_registry_changes_nothing(pipeline: Pipeline) -> None:
    nowhere = postgres.Database(host="127.0.0.1", port=1, user="nobody", password=None, name="warehouse")
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha"])
        result = evaluate(instance, replace(pipeline, database=nowhere))
        assert isinstance(result, dg.SkipReason)
        assert "Partitions not updated" in (result.skip_message or "")


def test_a_problem_is_found_and_recorded_once(pipeline: Pipeline) -> None:
    now = datetime.now(UTC)
    with pipeline.registry() as registry:
        check_and_record(registry, pipeline.settings, "alpha", now)
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        connection.execute("delete from control.syncs")
        connection.execute("truncate control.incidents cascade")
        sync_id = recorder.record_start(connection, "alpha", None, now, full=False)
        recorder.record_finish(connection, sync_id, "alpha", now, error="alpha: no answer", entities=[], calls=[])
        with dg.instance_for_test() as instance:
            said = [
                alerts(dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline})) for _ in range(2)
            ]
        rows = connection.execute("select count(*) from control.incidents where tenant = 'alpha'").fetchone()
    assert "0 of them new" not in str(said[0])
    assert "0 of them new" in str(said[1])
    assert rows
    assert rows[0] >= 1


def test_a_tenant_that_connects_later_is_found_automatically(pipeline: Pipeline, sandbox: Sandbox) -> None:
    def evaluated() -> str:
        with dg.instance_for_test() as instance:
            return str(waiting_tenants(dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline})))

    with pipeline.registry() as registry:
        for key in ("alpha", "beta", "gamma"):
            check_and_record(registry, pipeline.settings, key, datetime.now(UTC))
        assert "0 tenants rechecked" in evaluated(), "it was tried a moment ago"
        sandbox.connect(3)
        with postgres.connect(pipeline.database, autocommit=True) as connection:
            connection.execute(
                "update control.tenants set checked_at = now() - interval '6 minutes' where key = 'gamma'"
            )
        try:
            assert "connected: gamma" in evaluated()
            assert registry.get("gamma").status is Status.CONNECTED
        finally:
            sandbox.connect(3, connected=False)
            with postgres.connect(pipeline.database, autocommit=True) as connection:
                connection.execute(
                    "update control.tenants set status = 'not_connected', connected_at = null where key = 'gamma'"
                )


def wave(instance: dg.DagsterInstance, pipeline: Pipeline) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}, definitions=build_defs())
    result = loaded_waves(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_the_reports_are_built_once_after_a_wave_and_not_during_it(
    empty: dg.DagsterInstance, pipeline: Pipeline, new_warehouse: NewWarehouse
) -> None:
    """No tenant in this warehouse is connected; loads are inserted as rows."""
    database = new_warehouse()
    now = datetime.now(UTC)
    own = replace(pipeline, database=database, clock=lambda: now + timedelta(minutes=1))
    assert isinstance(wave(empty, own), dg.SkipReason), "nothing was ever loaded"
    with postgres.connect(database, autocommit=True) as connection:
        connection.execute("insert into control.raw_loads values ('alpha', 'crm_customers', %s)", (now,))
        run = dg.DagsterRun("sync_tenant", tags={"dagster/partition": "beta"}, status=dg.DagsterRunStatus.STARTING)
        empty.add_run(run)
        assert isinstance(wave(empty, own), dg.SkipReason), "a sync is about to start"
        empty.delete_run(run.run_id)
        assert isinstance(wave(empty, own), dg.SensorResult)
        build = dg.DagsterRun("build_marts", status=dg.DagsterRunStatus.STARTED)
        empty.add_run(build)
        assert isinstance(wave(empty, own), dg.SkipReason), "never two builds at once"
        empty.delete_run(build.run_id)
        with build_schedule.record_built(database, build.run_id, own.clock):
            pass
        assert isinstance(wave(empty, own), dg.SkipReason), "everything loaded is built"


def request_after(instance: dg.DagsterInstance, run_id: str) -> dg.RunRequest | dg.SkipReason:
    """What skipped_checks requests when the run has failed."""
    run = instance.get_run_by_id(run_id)
    (record,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert run and record.dagster_event
    context = dg.build_run_status_sensor_context("skipped_checks", record.dagster_event, instance, run)
    return skipped_checks(context.for_run_failure())  # type: ignore[return-value]


def test_checks_that_a_failed_run_skipped_run_at_once(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    """The run is what the Materialize button of the asset graph starts, for a tenant that is not connected."""
    instance.add_dynamic_partitions("tenants", ["gamma"])
    keys = [dg.AssetKey([layer, "crm_customers"]) for layer in ("landing", "raw")]
    repository = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)}).get_repository_def()
    job = repository.get_implicit_job_def_for_assets(keys)
    assert job
    tags = range_tags("gamma", "gamma")
    result = job.execute_in_process(instance=instance, asset_selection=keys, tags=tags, raise_on_error=False)
    assert not result.success
    assert isinstance(request_after(instance, result.run_id), dg.RunRequest)


@pytest.mark.parametrize("entities", [["crm_customers"], ASSET_ENTITIES], ids=["one", "all"])
def test_a_sync_has_no_checks_to_skip(
    instance: dg.DagsterInstance, pipeline: Pipeline, entities: Sequence[str]
) -> None:
    (run,) = local_runs.run_sync(instance, pipeline, ["gamma"], entities)
    assert not run.succeeded
    assert isinstance(request_after(instance, run.run_id), dg.SkipReason)
