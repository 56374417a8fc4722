"""Automatic maintenance: the job ``upkeep`` every night, and weekly full refreshes spread over the hours of the week.

Each op is an independent step. If one fails, the others still run, and the run is marked as failed. The packages that
the ops call do the work; DECISIONS.md explains why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.local_runs import interactive_run
from st_pipeline.defs.run_retention import delete_old_runs
from st_pipeline.history import retention
from st_pipeline.landing.compaction import compact
from st_pipeline.landing.expiry import expire
from st_pipeline.schedule import weekly_full_reads
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.visible import visible
from st_pipeline.warehouse import vacuum


@dg.op(config_schema={})
def expire_landed_files(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """Remove landed files that are older than ST_PIPELINE_KEEP_LANDED_DAYS and no longer needed."""
    days = pipeline.settings.keep_landed_days
    if days is None:
        _report(context, {"did": "nothing, because ST_PIPELINE_KEEP_LANDED_DAYS is set to never"})
        return
    done = expire(pipeline.database, pipeline.zone, pipeline.clock(), timedelta(days=days))
    _report(
        context,
        {"files": done.files, "ledger_rows": done.rows, "records": done.records, "busy_tenants": done.busy},
        done.problems,
    )


@dg.op(config_schema={})
def compact_landed_files(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """Combine small landed files from past months."""
    days = pipeline.settings.compact_landed_days
    if days is None:
        _report(context, {"did": "nothing, because ST_PIPELINE_COMPACT_LANDED_DAYS is set to never"})
        return
    done = compact(pipeline.database, pipeline.zone, pipeline.clock(), timedelta(days=days))
    metadata = {
        "files_before": done.files_before,
        "files_after": done.files_after,
        "records": done.records,
        "busy_tenants": done.busy,
        "has_more": done.has_more,
    }
    _report(context, metadata, done.problems)


@dg.op(config_schema={})
def delete_runs(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """Delete Dagster runs that ended more than ST_PIPELINE_KEEP_RUNS_DAYS ago, with their events and logs."""
    days = pipeline.settings.keep_runs_days
    if days is None:
        _report(context, {"did": "nothing, because ST_PIPELINE_KEEP_RUNS_DAYS is set to never"})
        return
    done = delete_old_runs(context.instance, pipeline.clock(), timedelta(days=days))
    _report(context, {"runs": done.runs, "kept_as_latest": done.kept, "has_more": done.has_more})


@dg.op(config_schema={})
def roll_up_history(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """Roll up syncs older than ST_PIPELINE_KEEP_HISTORY_DAYS into daily totals, and delete incidents of that age."""
    days = pipeline.settings.keep_history_days
    if days is None:
        _report(context, {"did": "nothing, because ST_PIPELINE_KEEP_HISTORY_DAYS is set to never"})
        return
    with postgres.connect(pipeline.database, application="st-pipeline history upkeep", autocommit=True) as connection:
        rolled_up = retention.roll_up(connection, pipeline.clock(), days)
        incidents = retention.forget_incidents(connection, pipeline.clock(), days)
    _report(context, {"syncs": rolled_up.syncs, "tenants": rolled_up.tenants, "incidents": incidents})


@dg.op(config_schema={})
def vacuum_tables(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """Vacuum and analyze tables that autovacuum isn't keeping up with, and list anything left to do by hand."""
    with postgres.connect(pipeline.database, application="st-pipeline vacuum", autocommit=True) as connection:
        done, left = vacuum.relieve(connection, vacuum.read_advice(connection))
    _report(context, {"done": done, "to_do": left})


@dg.op(config_schema={})
def ask_for_whole_readings(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> None:
    """Request the weekly full refreshes that are due. A sensor also does this all day."""
    with postgres.connect(pipeline.database, application="st-pipeline rereads", autocommit=True) as connection:
        asked = weekly_full_reads.request_full_reads(connection, pipeline.clock())
    _report(context, {"tenants": sorted(asked)})


def _report(context: dg.OpExecutionContext, metadata: Mapping[str, Any], problems: Sequence[str] = ()) -> None:
    """Show in the UI what the step did. With problems, the step fails and shows both."""
    if problems:
        raise dg.Failure("; ".join(map(visible, problems)), metadata=dict(metadata), allow_retries=False)
    context.add_output_metadata(dict(metadata))


@dg.job(
    executor_def=dg.in_process_executor,
    description="Clean up landed files, runs, and history; vacuum tables; request full refreshes that are due.",
)
def upkeep() -> None:
    """Every step runs independently."""
    expire_landed_files()
    compact_landed_files()
    delete_runs()
    roll_up_history()
    vacuum_tables()
    ask_for_whole_readings()


nightly_upkeep = dg.ScheduleDefinition(
    name="nightly_upkeep",
    job=upkeep,
    # Evening in the US: offices have closed, and the nightly syncs haven't started.
    cron_schedule="20 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Run cleanup and maintenance before the nightly syncs.",
)


@dg.sensor(
    minimum_interval_seconds=1200,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Request the weekly full refresh for tenants whose hour of the week has come.",
)
def weekly_rereads(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SkipReason:
    with postgres.connect(pipeline.database, application="st-pipeline rereads", autocommit=True) as connection:
        asked = weekly_full_reads.request_full_reads(connection, pipeline.clock())
    return dg.SkipReason(f"full refresh requested for {len(asked)} tenants: {', '.join(sorted(asked)) or 'none'}")


@dataclass(frozen=True, slots=True)
class StepDone:
    """How a step ended: what it did, or what went wrong, or both."""

    step: str
    metadata: dict[str, Any]
    error: str | None


def run_upkeep(instance: dg.DagsterInstance, pipeline: Pipeline) -> list[StepDone]:
    """Run the job in this process on the shared instance, and return how each step ended."""
    with interactive_run(pipeline) as (run_id, tag):
        result = upkeep.execute_in_process(
            instance=instance,
            resources={"pipeline": pipeline},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            run_id=run_id,
            tags=tag,
            raise_on_error=False,
        )
    steps = []
    for event in result.all_events:
        if event.is_successful_output:
            steps.append(StepDone(event.node_name, _values(event.step_output_data.metadata), None))
        elif event.is_step_failure:
            data = event.step_failure_data
            said = data.user_failure_data
            # Dagster wraps the step's exception in its own error, which says only where it happened.
            raised = data.error.cause or data.error if data.error else None
            error = (said.description if said else None) or (raised.message if raised else "failed")
            steps.append(StepDone(event.node_name, _values(said.metadata if said else {}), error.strip()))
    return steps


def _values(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}
