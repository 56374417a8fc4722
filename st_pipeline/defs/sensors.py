"""What is looked at all the time: the registry's tenants -> partitions, and whether anything is wrong."""

from datetime import UTC, datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.launch import is_orphan
from st_pipeline.defs.partitions import tenants
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.monitoring import heartbeat
from st_pipeline.monitoring.evaluation import Alerting, evaluate
from st_pipeline.postgres import PostgresError
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants.checkup import check_up, is_recheck_due
from st_pipeline.tenants.errors import TenantsError
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.partitions import partition_changes, wanted_partitions

CHECKS_A_ROUND = 5  # one that cannot be reached takes its time, and a sensor has a minute

IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(minimum_interval_seconds=10, default_status=dg.DefaultSensorStatus.RUNNING)
def tenant_registry(
    context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]
) -> dg.SensorResult | dg.SkipReason:
    """Add a partition for each registered tenant, delete those that left. An unreadable registry changes nothing."""
    try:
        with pipeline.registry() as registry:
            wanted = wanted_partitions(registry.list())
    except (PostgresError, TenantsError) as error:
        return dg.SkipReason(f"the registry cannot be read, so nothing changes: {error}")
    existing = context.instance.get_dynamic_partitions("tenants")
    changes = partition_changes(wanted, existing, partitions_in_flight(context.instance))
    if not changes:
        return dg.SkipReason(f"{len(existing)} tenants, nothing changed")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if changes.add:
        requests.append(tenants.build_add_request(list(changes.add)))
    if changes.delete:
        requests.append(tenants.build_delete_request(list(changes.delete)))
    return dg.SensorResult(dynamic_partitions_requests=requests)


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def waiting_tenants(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SkipReason:
    """Try tenants that are not connected yet, or could not be reached, again; once connected they are due at once."""
    with pipeline.registry() as registry:
        waiting = [tenant.key for tenant in registry.list() if is_recheck_due(tenant, datetime.now(UTC))]
        found = [check_up(registry, pipeline.settings, key, datetime.now(UTC)) for key in waiting[:CHECKS_A_ROUND]]
    connected = [tenant.key for tenant in found if tenant.status is Status.CONNECTED]
    return dg.SkipReason(f"{len(found)} tried again, connected: {', '.join(connected) or 'none'}")


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def alerts(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SkipReason:
    """Look for what is wrong with any tenant, tell of what is new or over, and let the outside hear that we live."""
    with postgres.connect(pipeline.database, application="st-pipeline alerts", autocommit=True) as connection:
        round_ = evaluate(connection, Alerting.of(pipeline.settings), datetime.now(UTC))
    heartbeat.beat(pipeline.settings.heartbeat_url)
    return dg.SkipReason(f"{len(round_.findings)} things are wrong, {len(round_.news.opened)} of them new")


def partitions_in_flight(instance: dg.DagsterInstance) -> set[str]:
    """Tenants that a run which hasn't ended is for."""
    keys = instance.get_dynamic_partitions("tenants")
    found: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_FLIGHT)):
        if is_orphan(run.tags.get(INTERACTIVE_TAG)):  # killed, and nobody has said so yet
            continue
        if partition := run.tags.get("dagster/partition"):
            found.add(partition)
        first = run.tags.get("dagster/asset_partition_range_start")
        last = run.tags.get("dagster/asset_partition_range_end")
        if first in keys and last in keys:
            found.update(keys[keys.index(first) : keys.index(last) + 1])
    return found
