"""When things run by themselves: each tenant when it is due, the reports every night."""

from collections.abc import Iterator

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.jobs import build_marts, sync_tenant
from st_pipeline.defs.sensors import partitions_in_flight
from st_pipeline.monitoring import sync_states
from st_pipeline.sync.pipeline import Pipeline


@dg.schedule(cron_schedule="* * * * *", job=sync_tenant, default_status=dg.DefaultScheduleStatus.RUNNING)
def due_syncs(
    context: dg.ScheduleEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """A run for each tenant that is due by its cadence and has none queued or under way.

    The run's key names what it is due for, so that a minute that is evaluated twice launches nothing twice.
    """
    now = context.scheduled_execution_time
    known = set(context.instance.get_dynamic_partitions("tenants")) - partitions_in_flight(context.instance)
    with pipeline.registry() as registry:
        tenants = [tenant for tenant in registry.list() if tenant.enabled and tenant.key in known]
    with postgres.connect(pipeline.database, application="st-pipeline due", autocommit=True) as connection:
        syncs = sync_states.next_syncs(connection, tenants, now)
    due = {key: sync for key, sync in syncs.items() if sync and sync.at <= now}
    if not due:
        yield dg.SkipReason(f"{len(tenants)} tenants, none due")
    for key, sync in due.items():
        yield dg.RunRequest(run_key=f"{key}:{sync.due_for.isoformat()}:{sync.at.isoformat()}", partition_key=key)


nightly_reports = dg.ScheduleDefinition(
    name="nightly_reports",
    job=build_marts,
    cron_schedule="0 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The reports, when the nightly syncs are over.",
)
