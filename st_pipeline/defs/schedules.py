"""When things run by themselves: every night all tenants, then the reports."""

from collections.abc import Iterator

import dagster as dg

from st_pipeline.defs.jobs import build_marts, sync_tenant
from st_pipeline.sync.pipeline import Pipeline


@dg.schedule(cron_schedule="0 2 * * *", job=sync_tenant, default_status=dg.DefaultScheduleStatus.RUNNING)
def nightly_sync(
    context: dg.ScheduleEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each enabled tenant, so that one's failure is one failed run."""
    known = set(context.instance.get_dynamic_partitions("tenants"))
    with pipeline.registry() as registry:
        keys = [tenant.key for tenant in registry.list() if tenant.enabled and tenant.key in known]
    if not keys:
        yield dg.SkipReason("no enabled tenant; add one with `st-pipeline tenants add`")
    day = f"{context.scheduled_execution_time:%Y-%m-%d}"
    for key in keys:
        yield dg.RunRequest(run_key=f"{key}:{day}", partition_key=key)


nightly_reports = dg.ScheduleDefinition(
    name="nightly_reports",
    job=build_marts,
    cron_schedule="0 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The reports, two hours after the nightly sync.",
)
