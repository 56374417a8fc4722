"""From due and requested syncs to runs, without duplicates: defs/queued_runs, in_flight, schedules and sensors."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.definitions import build_defs
from st_pipeline.defs.in_flight import (
    BEGINNING_SECONDS,
    TAKEN_SECONDS,
    dead_runs,
    is_in_flight,
    partitions_in_flight,
    report_dead,
)
from st_pipeline.defs.queued_runs import launch_syncs
from st_pipeline.defs.schedules import due_syncs
from st_pipeline.defs.sensors import asked_syncs, loaded_waves, lost_runs
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.history import recorder
from st_pipeline.schedule import build_schedule, launch_claims, sync_requests
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.run_lock import run_lock
from st_pipeline.tenants.recheck import check_and_record
from tests.conftest import NewWarehouse

from .test_local_runs import dead_process

KEYS = ["alpha", "beta", "gamma"]


@pytest.fixture
def control(pipeline: Pipeline) -> Iterator[psycopg.Connection]:
    """alpha and beta are connected but never synced; gamma is not connected."""
    with (
        pipeline.registry() as registry,
        postgres.connect(pipeline.database, autocommit=True) as connection,
    ):
        for key in ("alpha", "beta"):
            check_and_record(registry, pipeline.settings, key, datetime.now(UTC))
        for table in ("syncs", "sync_requests", "launches"):
            connection.execute(f"delete from control.{table}")  # pyright: ignore
        yield connection


@pytest.fixture
def empty() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", KEYS)
        yield instance


def due(instance: dg.DagsterInstance, pipeline: Pipeline, at: datetime) -> list[dg.RunRequest]:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, resources={"pipeline": pipeline}
    )
    return [each for each in due_syncs(context) if isinstance(each, dg.RunRequest)]  # type: ignore[call-overload]


def asked(instance: dg.DagsterInstance, pipeline: Pipeline) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}, definitions=build_defs())
    result = asked_syncs(context)
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def wave(instance: dg.DagsterInstance, pipeline: Pipeline) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}, definitions=build_defs())
    result = loaded_waves(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def tenants_of(request: dg.RunRequest) -> tuple[str, str]:
    if partition := request.tags.get("dagster/partition"):
        return partition, partition
    return request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]


def succeed(connection: psycopg.Connection, tenant: str, at: datetime, *, partial: bool = False) -> None:
    sync_id = recorder.record_start(connection, tenant, None, at, full=False, partial=partial)
    recorder.record_finish(connection, sync_id, tenant, at, error=None, entities=[], calls=[])


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


def test_a_synced_tenant_is_due_the_next_night_and_partial_syncs_do_not_count(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    succeed(control, "alpha", now)
    succeed(control, "beta", now, partial=True)
    assert [tenants_of(each) for each in due(empty, pipeline, now + timedelta(minutes=1))] == [("beta", "beta")]
    control.execute("delete from control.launches")
    # At noon, whenever the test runs: shortly after two, a tenant waits for its own delay.
    noon = (now + timedelta(days=2)).replace(hour=12)
    assert [tenants_of(each) for each in due(empty, pipeline, noon)] == [("alpha", "beta")]


def test_a_disabled_tenant_is_not_due(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    with pipeline.registry() as registry:
        registry.disable("beta")
        try:
            assert [tenants_of(each) for each in due(empty, pipeline, datetime.now(UTC))] == [("alpha", "alpha")]
        finally:
            registry.enable("beta")


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


def test_a_run_whose_process_is_gone_is_reported_and_a_live_one_is_not(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    later = datetime.now(UTC) + timedelta(seconds=BEGINNING_SECONDS + 1)
    runs = [dg.DagsterRun("sync_tenant", status=dg.DagsterRunStatus.NOT_STARTED) for _ in range(2)]
    for run in runs:
        instance.add_run(run)
        instance.report_engine_event("starting", run)
        instance.handle_run_event(run.run_id, _started(run))
    gone, alive = runs
    try:
        with run_lock(pipeline.database, alive.run_id):
            assert dead_runs(instance, pipeline, datetime.now(UTC)) == [], "a process takes a while to start"
            found = dead_runs(instance, pipeline, later)
            assert [run.run_id for run in found] == [gone.run_id]
            assert report_dead(instance, found) == [gone.run_id]
            assert dead_runs(instance, pipeline, later) == []
        row = instance.get_run_by_id(gone.run_id)
        assert row and row.status is dg.DagsterRunStatus.FAILURE
        assert [run.run_id for run in dead_runs(instance, pipeline, later)] == [alive.run_id]
    finally:
        for run in runs:
            instance.delete_run(run.run_id)


def test_a_run_that_was_dequeued_and_never_started_is_found(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    taken = dg.DagsterRun("sync_tenant", status=dg.DagsterRunStatus.NOT_STARTED)
    ours = dg.DagsterRun("sync_tenant", status=dg.DagsterRunStatus.NOT_STARTED, tags={INTERACTIVE_TAG: "here:1"})
    for run in (taken, ours):
        instance.add_run(run)
    try:
        assert dead_runs(instance, pipeline, datetime.now(UTC)) == []
        later = datetime.now(UTC) + timedelta(seconds=TAKEN_SECONDS + 1)
        assert [run.run_id for run in dead_runs(instance, pipeline, later)] == [taken.run_id]
    finally:
        for run in (taken, ours):
            instance.delete_run(run.run_id)


def test_a_killed_command_blocks_no_one(empty: dg.DagsterInstance, pipeline: Pipeline) -> None:
    here = socket.gethostname()
    killed = [
        dg.DagsterRun(
            job, status=dg.DagsterRunStatus.STARTED, tags={INTERACTIVE_TAG: f"{here}:{dead_process()}", **tags}
        )
        for job, tags in (("sync_tenant", {"dagster/partition": "alpha"}), ("build_marts", {}))
    ]
    living = dg.DagsterRun(
        "sync_tenant",
        status=dg.DagsterRunStatus.STARTED,
        tags={INTERACTIVE_TAG: f"{here}:{os.getpid()}", "dagster/partition": "beta"},
    )
    for run in (*killed, living):
        empty.add_run(run)
    assert is_in_flight(empty, "build_marts")
    said = lost_runs(dg.build_sensor_context(instance=empty, resources={"pipeline": pipeline}))
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "2 runs lost their process and were marked as failed"
    failed = empty.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert {run.run_id for run in failed} == {run.run_id for run in killed}
    assert partitions_in_flight(empty) == {"beta"}
    assert not is_in_flight(empty, "build_marts")
    assert dead_runs(empty, pipeline, datetime.now(UTC)) == []


def _started(run: dg.DagsterRun) -> dg.DagsterEvent:
    return dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name, message="started")


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
