"""defs/sensors.py and defs/schedules.py: from the registry to partitions and runs, on a real instance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.definitions import build_defs
from st_pipeline.defs.partitions import tenants
from st_pipeline.defs.schedules import nightly_sync
from st_pipeline.defs.sensors import partitions_in_flight, tenant_registry
from st_pipeline.sync.pipeline import Pipeline


def evaluate(instance: dg.DagsterInstance, pipeline: Pipeline) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}, definitions=build_defs())
    return tenant_registry(context)  # type: ignore[return-value]


def test_registered_tenants_become_partitions_and_those_that_left_go(pipeline: Pipeline) -> None:
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


def test_nothing_to_do_is_said(pipeline: Pipeline) -> None:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha", "beta", "gamma"])
        assert isinstance(evaluate(instance, pipeline), dg.SkipReason)


def test_an_unreadable_registry_changes_nothing(pipeline: Pipeline) -> None:
    nowhere = postgres.Database(host="127.0.0.1", port=1, user="nobody", password=None, name="warehouse")
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha"])
        result = evaluate(instance, replace(pipeline, database=nowhere))
        assert isinstance(result, dg.SkipReason)
        assert "nothing changes" in (result.skip_message or "")


def test_a_run_over_a_range_keeps_every_tenant_of_it(pipeline: Pipeline) -> None:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["a", "b", "c", "d"])
        tags = {"dagster/asset_partition_range_start": "b", "dagster/asset_partition_range_end": "c"}
        instance.add_run(dg.DagsterRun("sync_tenant", tags=tags, status=dg.DagsterRunStatus.STARTED))
        ended = dg.DagsterRun("sync_tenant", tags={"dagster/partition": "d"}, status=dg.DagsterRunStatus.SUCCESS)
        instance.add_run(ended)
        assert partitions_in_flight(instance) == {"b", "c"}


def test_every_night_each_enabled_tenant_gets_a_run_of_its_own(pipeline: Pipeline) -> None:
    night = datetime(2026, 3, 29, 2, 0, tzinfo=UTC)
    with pipeline.registry() as registry, dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha", "beta", "gamma"])
        registry.disable("beta")
        try:
            context = dg.build_schedule_context(
                instance=instance, scheduled_execution_time=night, resources={"pipeline": pipeline}
            )
            requests = list(nightly_sync(context))  # type: ignore[call-overload]
        finally:
            registry.enable("beta")
    assert [(request.partition_key, request.run_key) for request in requests] == [
        ("alpha", "alpha:2026-03-29"),
        ("gamma", "gamma:2026-03-29"),
    ]
    assert tenants.name == "tenants"
