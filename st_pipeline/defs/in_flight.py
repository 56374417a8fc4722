"""Unfinished runs: which tenants they cover, and which of them have lost their process."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.local_runs import orphans
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.run_lock import held_runs

IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Jobs whose single step holds the run's lock from start to finish.
LOCKED_JOBS = ("sync_tenant", "build_marts")
# Time from a run's start to its step's start, and from the step's end to the run's end.
BEGINNING_SECONDS = 20.0
ENDING_SECONDS = 3.0
# Time from when a run is dequeued until it starts. It takes longer only if the daemon is killed in between.
TAKEN_SECONDS = 60.0


def partitions_in_flight(instance: dg.DagsterInstance) -> set[str]:
    """Tenants covered by an unfinished run."""
    keys = instance.get_dynamic_partitions("tenants")
    found: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_FLIGHT)):
        if partition := run.tags.get("dagster/partition"):
            found.add(partition)
        first = run.tags.get("dagster/asset_partition_range_start")
        last = run.tags.get("dagster/asset_partition_range_end")
        if first in keys and last in keys:
            found.update(keys[keys.index(first) : keys.index(last) + 1])
    return found


def is_in_flight(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether the job has an unfinished run."""
    return bool(instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=IN_FLIGHT), limit=1))


def dead_runs(instance: dg.DagsterInstance, pipeline: Pipeline, now: datetime) -> list[dg.DagsterRun]:
    """Runs that will never finish: their process is gone, or they were dequeued and never started."""
    known = orphans(instance, pipeline.database)
    suspects = [*_unlocked(instance, pipeline, now), *_never_started(instance, now)]
    if not suspects:
        return known
    time.sleep(ENDING_SECONDS)
    still = {run.run_id for run in (*_unlocked(instance, pipeline, now), *_never_started(instance, now))}
    return [*known, *(run for run in suspects if run.run_id in still)]


def _never_started(instance: dg.DagsterInstance, now: datetime) -> list[dg.DagsterRun]:
    return [
        record.dagster_run
        for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED]))
        if (now - record.update_timestamp.astimezone(UTC)).total_seconds() > TAKEN_SECONDS
        and INTERACTIVE_TAG not in record.dagster_run.tags
    ]


def _unlocked(instance: dg.DagsterInstance, pipeline: Pipeline, now: datetime) -> list[dg.DagsterRun]:
    records = [
        record
        for job in LOCKED_JOBS
        for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.STARTED]))
        if record.start_time
        and now.timestamp() - record.start_time > BEGINNING_SECONDS
        # orphans() finds interactive runs.
        and INTERACTIVE_TAG not in record.dagster_run.tags
    ]
    if not records:
        return []
    with postgres.connect(pipeline.database, application="st-pipeline runs", autocommit=True) as connection:
        held = held_runs(connection, [record.dagster_run.run_id for record in records])
    return [record.dagster_run for record in records if record.dagster_run.run_id not in held]


def report_dead(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> list[str]:
    """Report the runs as failed and return their ids."""
    reported: list[str] = []
    for run in runs:
        instance.report_run_failed(
            run, "The run's process is gone. Any sync that is still due starts again automatically."
        )
        reported.append(run.run_id)
    return reported
