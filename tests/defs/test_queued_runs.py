"""defs/queued_runs.py: from what is due or was requested to runs, and none twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from st_pipeline.defs.queued_runs import launch_syncs
from st_pipeline.defs.sensors import asked_syncs
from st_pipeline.schedule import launch_claims, sync_requests
from st_pipeline.sync.pipeline import Pipeline

from .conftest import definitions
from .launching import due, succeed, tenants_of


def asked(instance: dg.DagsterInstance, pipeline: Pipeline) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}, definitions=definitions())
    result = asked_syncs(context)
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def test_adjacent_due_tenants_share_a_run_without_others(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    (request,) = due(empty, pipeline, now)
    assert tenants_of(request) == ("alpha", "beta")
    assert request.run_config == {"ops": {"sync": {"config": {"if_due": True}}}}
    control.execute("delete from control.launches")
    succeed(control, "alpha", now)
    (request,) = due(empty, pipeline, now + timedelta(minutes=1))
    assert tenants_of(request) == ("beta", "beta")


def test_a_tenant_just_launched_or_in_flight_is_not_launched_again(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    sync_requests.request_sync(control, "alpha", "ada", now)
    assert [tenants_of(request) for request in due(empty, pipeline, now)] == [("alpha", "beta")]
    assert asked(empty, replace(pipeline, clock=lambda: now + timedelta(seconds=30))) == []
    assert due(empty, pipeline, now + timedelta(minutes=1)) == []
    # The run was never created, so after a while the tenant can be launched again.
    assert len(due(empty, pipeline, now + timedelta(minutes=2))) == 1
    empty.add_run(
        dg.DagsterRun(
            "sync_tenant",
            tags={"dagster/asset_partition_range_start": "alpha", "dagster/asset_partition_range_end": "beta"},
            status=dg.DagsterRunStatus.STARTING,
        )
    )
    assert due(empty, pipeline, now + timedelta(minutes=10)) == []
    (run,) = empty.get_runs()
    empty.report_run_failed(run)
    assert len(due(empty, pipeline, now + timedelta(minutes=11))) == 1, "a tenant that was not launched is not claimed"


def test_a_tenant_without_a_partition_is_launched_with_the_others(
    pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["alpha"])
        requests = [tenants_of(each) for each in due(instance, pipeline, now)]
        assert requests == [("alpha", "beta")]
        assert instance.get_dynamic_partitions("tenants") == ["alpha", "beta"]
        # Launched tenants are claimed, and gamma is not due.
        assert due(instance, pipeline, now) == []
        assert instance.get_dynamic_partitions("tenants") == ["alpha", "beta"]


def test_only_one_of_two_concurrent_launchers_launches_a_tenant(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    barrier = threading.Barrier(4)
    found: list[tuple[str, str]] = []

    def launch_one() -> None:
        barrier.wait()
        found.extend(tenants_of(request) for request in launch_syncs(empty, pipeline, ["alpha", "beta"], now))

    threads = [threading.Thread(target=launch_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [("alpha", "beta")]


def test_requested_syncs_go_before_due_ones(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    for key in ("alpha", "beta"):
        succeed(control, key, now)
    assert asked(empty, pipeline) == []
    sync_requests.request_sync(control, "beta", "ada", now)
    (request,) = asked(empty, pipeline)
    assert tenants_of(request) == ("beta", "beta")
    assert int(request.tags["dagster/priority"]) > 0


def test_a_run_queued_between_the_check_and_the_claim_is_seen(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    theirs = dg.DagsterRun("sync_tenant", tags={"dagster/partition": "alpha"}, status=dg.DagsterRunStatus.STARTED)
    claim = launch_claims.claim

    def late(connection: psycopg.Connection, tenants: set[str], at: datetime) -> set[str]:
        empty.add_run(theirs)
        return claim(connection, tenants, at)

    with monkeypatch.context() as patch:
        patch.setattr(launch_claims, "claim", late)
        assert [tenants_of(each) for each in launch_syncs(empty, pipeline, ["alpha", "beta"], now)] == [
            ("beta", "beta")
        ]
    empty.delete_run(theirs.run_id)
    assert [tenants_of(each) for each in launch_syncs(empty, pipeline, ["alpha"], now)] == [("alpha", "alpha")], (
        "a tenant that was not launched is not claimed"
    )
