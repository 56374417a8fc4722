"""Scheduled syncs: each tenant when it is due."""

from collections.abc import Iterator

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.jobs import sync_tenant
from st_pipeline.defs.queued_runs import launch_syncs
from st_pipeline.schedule import tenant_states
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants import tenant_table


@dg.schedule(
    cron_schedule="* * * * *",
    job=sync_tenant,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Request runs for tenants that are due and have no run queued or in progress. Tenants share runs.",
)
def due_syncs(
    context: dg.ScheduleEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    now = max(context.scheduled_execution_time, pipeline.clock())
    with postgres.connect(pipeline.database, application="st-pipeline due", autocommit=True) as connection:
        tenants = tenant_table.read_all(connection)
        syncs = tenant_states.read_next_syncs(connection, tenants, now)
    due = [key for key, sync in syncs.items() if sync and sync.at <= now]
    runs = launch_syncs(context.instance, pipeline, due, now)
    if not runs:
        yield dg.SkipReason(f"{len(tenants)} tenants, {len(due)} due, no new runs needed")
    yield from runs
