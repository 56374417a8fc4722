"""Run a job in this process, as the command line does, on the instance that the webserver and daemon share.

Runs queued for the daemon are created in queued_runs.py.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from st_pipeline import dagster_home
from st_pipeline.defs.partitions import range_tags, tenants
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.batching import contiguous_ranges
from st_pipeline.sync.pipeline import Pipeline

RUNNING = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Launched:
    """One finished run."""

    run_id: str
    succeeded: bool


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the project's instance and report interactive runs whose process died as failed."""
    os.environ.update(dagster_home.environment(settings))
    instance = dg.DagsterInstance.get()
    for run in orphans(instance):
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
        result = job.execute_in_process(
            instance=instance,
            run_config={"ops": {"sync": {"config": config}}, **_QUIET},
            tags={**range_tags(first, last), INTERACTIVE_TAG: owner()},
            partition_key=first if first == last else None,
            raise_on_error=False,
        )
        launched.append(Launched(result.run_id, result.success))
    return launched


def run_marts(instance: dg.DagsterInstance, pipeline: Pipeline) -> Launched:
    """Run ``build_marts``. dbt writes to this process's standard output."""
    from st_pipeline.definitions import build_defs

    job = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)}).resolve_job_def("build_marts")
    result = job.execute_in_process(
        instance=instance, run_config=_QUIET, tags={INTERACTIVE_TAG: owner()}, raise_on_error=False
    )
    return Launched(result.run_id, result.success)


def owner() -> str:
    """This process, as named in its runs' tag."""
    return f"{socket.gethostname()}:{os.getpid()}"


def orphans(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Interactive runs that are marked as running but whose process died."""
    runs = instance.get_runs(dg.RunsFilter(statuses=RUNNING))
    return [run for run in runs if is_orphan(run.tags.get(INTERACTIVE_TAG))]


def is_orphan(owner: str | None) -> bool:
    """Whether a run belongs to a process on this machine that is gone."""
    host, _, process = (owner or "").rpartition(":")
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
