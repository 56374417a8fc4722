"""Delete old runs from the Dagster instance, with their events and logs, but keep each asset's latest materialization.

Deleting a run deletes its events, including materializations. If a partition's only materialization were deleted, the
UI would show the partition as "missing" the next time a tenant is added, because the UI then rebuilds its state from
the events. So a run that has the latest materialization of an asset, or of one of its partitions, is kept.
The daemon deletes old schedule and sensor ticks (dagster.yaml).
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
BATCH = 100
MOST_RUNS = 5_000
"""The most that one day's upkeep deletes. The next day continues."""


@dataclass(slots=True)
class Deleted:
    """What was deleted and kept."""

    runs: int = 0
    kept: int = 0
    """Old enough to delete, but the latest for an asset or one of its partitions."""
    has_more: bool = False


def delete_old_runs(
    instance: dg.DagsterInstance,
    now: datetime,
    keep: timedelta,
    *,
    most: int = MOST_RUNS,
    seconds: float = 1800.0,
) -> Deleted:
    """Delete runs that ended more than ``keep`` before ``now``, oldest first: at most ``most``, within ``seconds``.

    If the process is killed, the next call deletes the rest.
    """
    filters = dg.RunsFilter(statuses=ENDED, updated_before=now - keep)
    done = Deleted()
    until = time.monotonic() + seconds
    latest: set[str] | None = None
    cursor: str | None = None  # the last run that was kept, as a deleted run can't serve as a cursor
    while records := instance.get_run_records(filters, limit=BATCH, ascending=True, cursor=cursor):
        latest = latest_runs(instance, now - keep) if latest is None else latest
        for run_id in (record.dagster_run.run_id for record in records):
            if run_id in latest:
                done.kept += 1
                cursor = run_id
                continue
            if done.runs >= most or time.monotonic() >= until:
                done.has_more = True
                return done
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.delete_run(run_id)
            done.runs += 1
    return done


def latest_runs(instance: dg.DagsterInstance, before: datetime) -> set[str]:
    """Runs with a materialization before ``before`` that is the latest for its asset and partition."""
    found: set[str] = set()
    for key in instance.get_asset_keys():
        for partition, run_id in _latest_before(instance, key, before).items():
            since = dg.AssetRecordsFilter(
                key,
                asset_partitions=None if partition is None else [partition],
                after_timestamp=before.timestamp(),
            )
            if not instance.fetch_materializations(since, limit=1).records:
                found.add(run_id)
    return found


def _latest_before(instance: dg.DagsterInstance, key: dg.AssetKey, before: datetime) -> dict[str | None, str]:
    """Partition (None: unpartitioned) -> the run with its latest materialization before ``before``."""
    older = dg.AssetRecordsFilter(key, before_timestamp=before.timestamp())
    found: dict[str | None, str] = {}
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(older, limit=1000, cursor=cursor)
        for record in page.records:
            found.setdefault(record.partition_key, record.run_id)
        if not page.has_more:
            return found
        cursor = page.cursor
