"""defs/in_flight.py: which tenants unfinished runs cover, and which runs have lost their process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from st_pipeline.defs.in_flight import (
    BEGINNING_SECONDS,
    IN_FLIGHT,
    TAKEN_SECONDS,
    dead_runs,
    is_in_flight,
    partitions_in_flight,
    report_dead,
)
from st_pipeline.defs.local_runs import interactive_run
from st_pipeline.defs.partitions import range_tags
from st_pipeline.defs.sensors import lost_runs
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.run_lock import run_lock


def _started(run: dg.DagsterRun) -> dg.DagsterEvent:
    return dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name, message="started")


def test_a_run_over_a_range_keeps_all_its_tenants(pipeline: Pipeline) -> None:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", ["a", "b", "c", "d"])
        tags = {"dagster/asset_partition_range_start": "b", "dagster/asset_partition_range_end": "c"}
        instance.add_run(dg.DagsterRun("sync_tenant", tags=tags, status=dg.DagsterRunStatus.STARTED))
        ended = dg.DagsterRun("sync_tenant", tags={"dagster/partition": "d"}, status=dg.DagsterRunStatus.SUCCESS)
        instance.add_run(ended)
        assert partitions_in_flight(instance) == {"b", "c"}


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
    with interactive_run(pipeline) as (run_id, tag):
        ours = dg.DagsterRun("sync_tenant", run_id, status=dg.DagsterRunStatus.NOT_STARTED, tags=tag)
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
    killed = [
        dg.DagsterRun(job, status=dg.DagsterRunStatus.STARTED, tags={INTERACTIVE_TAG: "a-dead-container:1", **tags})
        for job, tags in (("sync_tenant", {"dagster/partition": "alpha"}), ("build_marts", {}))
    ]
    with interactive_run(pipeline) as (run_id, tag):
        living = dg.DagsterRun(
            "sync_tenant", run_id, status=dg.DagsterRunStatus.STARTED, tags={**tag, "dagster/partition": "beta"}
        )
        _judge(empty, pipeline, killed, living)


def _judge(empty: dg.DagsterInstance, pipeline: Pipeline, killed: list[dg.DagsterRun], living: dg.DagsterRun) -> None:
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


ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# A queued run needs a place it came from, which no run made by hand has.
UNFINISHED = [status for status in IN_FLIGHT if status is not dg.DagsterRunStatus.QUEUED]


@pytest.mark.parametrize("status", [*UNFINISHED, *ENDED])
def test_a_run_covers_its_tenants_until_it_has_ended(empty: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    empty.add_run(dg.DagsterRun("sync_tenant", tags=range_tags("alpha", "beta"), status=status))
    assert partitions_in_flight(empty) == (set() if status in ENDED else {"alpha", "beta"})
    assert is_in_flight(empty, "sync_tenant") is (status not in ENDED)
    assert not is_in_flight(empty, "build_marts")


def test_a_run_in_the_queue_counts_as_unfinished() -> None:
    assert dg.DagsterRunStatus.QUEUED in IN_FLIGHT
    assert not set(ENDED) & set(IN_FLIGHT)


@pytest.mark.parametrize(("first", "last"), [("alpha", "gone"), ("gone", "gamma"), ("gone", "left")])
def test_a_range_whose_end_is_no_partition_any_more_covers_nobody_else(
    empty: dg.DagsterInstance, first: str, last: str
) -> None:
    empty.add_run(dg.DagsterRun("sync_tenant", tags=range_tags(first, last), status=dg.DagsterRunStatus.STARTED))
    empty.add_run(dg.DagsterRun("build_marts", status=dg.DagsterRunStatus.STARTED))
    assert partitions_in_flight(empty) == set()


def test_a_partition_that_was_removed_still_counts_by_its_own_name(empty: dg.DagsterInstance) -> None:
    empty.add_run(dg.DagsterRun("sync_tenant", tags=range_tags("gone", "gone"), status=dg.DagsterRunStatus.STARTED))
    assert partitions_in_flight(empty) == {"gone"}
