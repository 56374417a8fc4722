"""Run a job in this process, as the command line does, on the instance that the webserver and daemon share.

Runs queued for the daemon are created in queued_runs.py.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from st_pipeline import dagster_home, postgres
from st_pipeline.defs.partitions import range_tags, tenants
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.batching import contiguous_ranges
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.run_lock import held_runs, run_lock

RUNNING = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Launched:
    """One finished run."""

    run_id: str
    succeeded: bool


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the project's instance and report interactive runs whose process died as failed.

    The warehouse must be prepared.
    """
    os.environ.update(dagster_home.environment(settings))
    instance = dg.DagsterInstance.get()
    for run in orphans(instance, postgres.warehouse(settings)):
        instance.report_run_failed(run, "The run's process is gone.")
    return instance


def run_sync(
    instance: dg.DagsterInstance,
    pipeline: Pipeline,
    keys: Sequence[str],
    entities: Sequence[str],
    *,
    full: bool = False,
    reload: bool = False,
    requested_by: str = "",
) -> list[Launched]:
    """Run ``sync_tenant`` for the tenants, with adjacent partitions batched into one run.

    ``reload`` makes no API calls. The sync history has the result for each tenant.
    """
    from st_pipeline.definitions import build_defs

    with pipeline.registry() as registry:
        registered = [tenant.key for tenant in registry.list()]
    known = set(instance.get_dynamic_partitions("tenants"))
    if missing := [key for key in registered if key not in known]:
        instance.add_dynamic_partitions("tenants", missing)
    job = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)}).resolve_job_def("sync_tenant")
    layers = ("raw",) if reload else ("landing", "raw")
    selection = [dg.AssetKey([layer, entity]) for layer in layers for entity in entities]
    if len(entities) != len(ASSET_ENTITIES) or reload:
        # A selection without checks would include all checks of its assets.
        job = job.get_subset(asset_selection=set(selection), asset_check_selection=set())
    config = {"full": full, "reload": reload, "requested_by": requested_by}
    launched = []
    for first, last in contiguous_ranges(keys, tenants.get_partition_keys(dynamic_partitions_store=instance)):
        with interactive_run(pipeline) as (run_id, tag):
            result = job.execute_in_process(
                instance=instance,
                run_config={"ops": {"sync": {"config": config}}, **_QUIET},
                run_id=run_id,
                tags={**range_tags(first, last), **tag},
                partition_key=first if first == last else None,
                raise_on_error=False,
            )
        launched.append(Launched(result.run_id, result.success))
    return launched


def run_marts(instance: dg.DagsterInstance, pipeline: Pipeline) -> Launched:
    """Run ``build_marts``. dbt writes to this process's standard output."""
    from st_pipeline.definitions import build_defs

    job = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)}).resolve_job_def("build_marts")
    with interactive_run(pipeline) as (run_id, tag):
        result = job.execute_in_process(
            instance=instance, run_config=_QUIET, run_id=run_id, tags=tag, raise_on_error=False
        )
    return Launched(result.run_id, result.success)


@contextmanager
def interactive_run(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, str]]]:
    """The id and tag of a run in this process, which holds the run's lock before the run exists and until it ended."""
    run_id = str(uuid.uuid4())
    with run_lock(pipeline.database, run_id):
        yield run_id, {INTERACTIVE_TAG: "yes"}


def orphans(instance: dg.DagsterInstance, database: postgres.Database) -> list[dg.DagsterRun]:
    """Interactive runs that are marked as running but whose process died, wherever it was: no one has their lock."""
    runs = [run for run in instance.get_runs(dg.RunsFilter(statuses=RUNNING)) if INTERACTIVE_TAG in run.tags]
    if not runs:
        return []
    with postgres.connect(database, application="st-pipeline runs", autocommit=True) as connection:
        held = held_runs(connection, [run.run_id for run in runs])
    free = [run.run_id for run in runs if run.run_id not in held]
    # A run that has just ended without our knowing is marked as ended before its lock is released.
    return list(instance.get_runs(dg.RunsFilter(run_ids=free, statuses=RUNNING))) if free else []
