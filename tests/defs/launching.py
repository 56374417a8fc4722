"""What the schedule requests, and syncs as the history has them: for tests of what is launched."""

from __future__ import annotations

from datetime import datetime

import dagster as dg
import psycopg

from st_pipeline.defs.schedules import due_syncs
from st_pipeline.history import recorder
from st_pipeline.sync.pipeline import Pipeline


def due(instance: dg.DagsterInstance, pipeline: Pipeline, at: datetime) -> list[dg.RunRequest]:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, resources={"pipeline": pipeline}
    )
    return [each for each in due_syncs(context) if isinstance(each, dg.RunRequest)]  # type: ignore[call-overload]


def tenants_of(request: dg.RunRequest) -> tuple[str, str]:
    if partition := request.tags.get("dagster/partition"):
        return partition, partition
    return request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]


def succeed(connection: psycopg.Connection, tenant: str, at: datetime, *, partial: bool = False) -> None:
    sync_id = recorder.record_start(connection, tenant, None, at, full=False, partial=partial)
    recorder.record_finish(connection, sync_id, tenant, at, error=None, entities=[], calls=[])
