"""Runs that have not ended: which tenants they are for, and which of them no process works on any more."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.launch import orphans
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
# Jobs whose one step holds its run's lock from beginning to end.
LOCKED_JOBS = ("sync_tenant", "build_marts")
# From a run's start until its step begins, and from the step's end to the run's.
BEGINNING_SECONDS = 20.0
ENDING_SECONDS = 3.0
# From the moment a run is taken from the queue until it is being started: only a daemon killed in between takes longer.
TAKEN_SECONDS = 60.0


def partitions_in_flight(instance: dg.DagsterInstance) -> set[str]:
    """Tenants that a run which hasn't ended is for."""
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
    """Whether a run of the job has not ended."""
    return bool(instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=IN_FLIGHT), limit=1))


def dead_runs(instance: dg.DagsterInstance, pipeline: Pipeline, now: datetime) -> list[dg.DagsterRun]:
    """Runs that nobody will end: started, and their process is gone; or taken from the queue, and never started."""
    known = orphans(instance)
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
        # Those say themselves whose they are.
        and INTERACTIVE_TAG not in record.dagster_run.tags
    ]
    if not records:
        return []
    with postgres.connect(pipeline.database, application="st-pipeline runs", autocommit=True) as connection:
        held = held_runs(connection, [record.dagster_run.run_id for record in records])
    return [record.dagster_run for record in records if record.dagster_run.run_id not in held]


def report_dead(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> list[str]:
    """The ids of the runs, which are now reported as failed."""
    reported: list[str] = []
    for run in runs:
        instance.report_run_failed(run, "the process that ran it is gone; what was due is launched again by itself")
        reported.append(run.run_id)
    return reported
