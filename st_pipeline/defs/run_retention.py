"""Old runs leave the Dagster instance, with their events and logs; what assets show as their latest stays.

Deleting a run deletes its events, materializations among them: a partition whose only materialization was in it would
be "missing" as soon as a tenant is added, when the UI's states are made anew from the events. So a run that has the
latest materialization of an asset, or of one partition of it, is kept.
Ticks of schedules and sensors are cleaned by the daemon (dagster.yaml).
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
BATCH = 100
MOST_RUNS = 5_000
"""A day's upkeep deletes no more; the next goes on."""


@dataclass(slots=True)
class Deleted:
    """What was done."""

    runs: int = 0
    kept: int = 0
    """As old, and the latest of an asset or of one of its partitions."""
    has_more: bool = False


def delete_old_runs(
    instance: dg.DagsterInstance,
    now: datetime,
    keep: timedelta,
    *,
    most: int = MOST_RUNS,
    seconds: float = 1800.0,
) -> Deleted:
    """Delete runs that ended more than ``keep`` before ``now``, oldest first, at most ``most`` and for ``seconds``.

    A process that is killed in between leaves the rest for the next time.
    """
    filters = dg.RunsFilter(statuses=ENDED, updated_before=now - keep)
    done = Deleted()
    until = time.monotonic() + seconds
    latest: set[str] | None = None
    cursor: str | None = None  # the last run that was kept: one that is gone is no place to go on from
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
    """Runs with a materialization from before then that is the latest of its asset and partition."""
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
    """Partition (None: none) -> the run with its latest materialization from before then."""
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
