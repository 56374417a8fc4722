"""Sensors for the registry, requested syncs, finished waves of syncs, lost runs, and alerts."""

from datetime import UTC, datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.alerting import heartbeat
from st_pipeline.alerting.alert_round import Alerting, evaluate
from st_pipeline.defs.checks import check_data, data
from st_pipeline.defs.in_flight import dead_runs, is_in_flight, partitions_in_flight, report_dead
from st_pipeline.defs.jobs import build_marts, sync_tenant
from st_pipeline.defs.partitions import tenants
from st_pipeline.defs.queued_runs import ASKED_PRIORITY, launch_syncs
from st_pipeline.postgres import PostgresError
from st_pipeline.schedule import build_schedule, sync_requests, tenant_states
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.errors import TenantsError
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.partitions import partition_changes, select_partitions
from st_pipeline.tenants.recheck import recheck_waiting
from st_pipeline.visible import visible

SENDING_SECONDS = 20.0  # a sensor has one minute; what is not sent in time is sent in the next round


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Add a partition for each new tenant and delete all others. Skip if the registry can't be read.",
)
def tenant_registry(
    context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.SensorResult | dg.SkipReason:
    try:
        with pipeline.registry() as registry:
            wanted = select_partitions(registry.list())
    except (PostgresError, TenantsError) as error:
        return dg.SkipReason(f"Partitions not updated because the registry can't be read: {visible(str(error))}")
    existing = context.instance.get_dynamic_partitions("tenants")
    changes = partition_changes(wanted, existing, partitions_in_flight(context.instance))
    if not changes:
        return dg.SkipReason(f"{len(existing)} tenants, no changes")
    wished: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if changes.add:
        wished.append(tenants.build_add_request(list(changes.add)))
    if changes.delete:
        wished.append(tenants.build_delete_request(list(changes.delete)))
    return dg.SensorResult(dynamic_partitions_requests=wished)


@dg.sensor(
    minimum_interval_seconds=5,
    job=sync_tenant,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Request runs for tenants with a requested sync, ahead of all other runs in the queue.",
)
def asked_syncs(
    context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.SensorResult | dg.SkipReason:
    with postgres.connect(pipeline.database, application="st-pipeline asked", autocommit=True) as connection:
        asked = {request.tenant for request in sync_requests.read_open_requests(connection)}
    runs = launch_syncs(context.instance, pipeline, asked, pipeline.clock(), priority=ASKED_PRIORITY)
    if not runs:
        return dg.SkipReason(f"{len(asked)} tenants have requested syncs, no new runs needed")
    return dg.SensorResult(run_requests=runs)


@dg.sensor(
    minimum_interval_seconds=30,
    job=build_marts,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Request a report build when a wave of syncs has finished, whether or not they succeeded.",
)
def loaded_waves(
    context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.SensorResult | dg.SkipReason:
    if is_in_flight(context.instance, build_marts.name):
        return dg.SkipReason("A report build is in progress")
    now = pipeline.clock()
    with postgres.connect(pipeline.database, application="st-pipeline waves", autocommit=True) as connection:
        loaded = build_schedule.read_loaded(connection)
        syncs = tenant_states.read_next_syncs(connection, tenant_table.read_all(connection), now)
    dues = [sync.at for sync in syncs.values() if sync]
    reason = build_schedule.find_build_reason(
        loaded, is_in_flight(context.instance, sync_tenant.name), min(dues, default=None), now
    )
    if reason is None:
        return dg.SkipReason("No new data to build" if loaded.is_built else "Syncs are running or about to start")
    return dg.SensorResult(run_requests=[dg.RunRequest(tags={"st_pipeline/because": reason})])


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Report runs whose process is gone as failed, so that nothing waits for them.",
)
def lost_runs(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SkipReason:
    reported = report_dead(context.instance, dead_runs(context.instance, pipeline, datetime.now(UTC)))
    return dg.SkipReason(f"{len(reported)} runs lost their process and were marked as failed")


@dg.run_failure_sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    request_job=check_data,
    description="Run the data checks if a failed run skipped them.",
)
def skipped_checks(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
    # Runs from the asset graph include the checks of their assets. One failed tenant skips those, and they look failed.
    run = context.dagster_run
    planned = context.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED)
    keys = {record.dagster_event.asset_check_planned_data.asset_check_key for record in planned if record.dagster_event}
    # A failed run of the checks themselves shows why they could not run.
    if run.job_name == check_data.name or not keys & data.check_keys:
        return dg.SkipReason("The run had no data checks to skip")
    return dg.RunRequest(run_key=run.run_id)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Retry tenants that aren't connected yet or were unreachable. Once connected, they are due at once.",
)
def waiting_tenants(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SkipReason:
    with pipeline.registry() as registry:
        found = recheck_waiting(registry, pipeline.settings, pipeline.clock)
    connected = [tenant.key for tenant in found if tenant.status is Status.CONNECTED]
    return dg.SkipReason(f"{len(found)} tenants rechecked, connected: {', '.join(connected) or 'none'}")


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Check every tenant for problems, send alerts for new and resolved ones, and send the heartbeat.",
)
def alerts(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SkipReason:
    with postgres.connect(pipeline.database, application="st-pipeline alerts", autocommit=True) as connection:
        alerting = Alerting.of(pipeline.settings)
        round_ = evaluate(connection, alerting, pipeline.clock(), sending_seconds=SENDING_SECONDS)
    heartbeat.beat(pipeline.settings.heartbeat_url)
    return dg.SkipReason(f"{len(round_.findings)} problems, {len(round_.news.opened)} of them new")
