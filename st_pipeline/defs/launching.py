"""Tenants -> runs for the daemon's queue: never two for one tenant, side by side in the partitions in one run.

Running a job in one's own process is launch.py.
"""

from collections.abc import Collection
from datetime import datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.in_flight import partitions_in_flight
from st_pipeline.defs.partitions import range_tags
from st_pipeline.schedule import launches
from st_pipeline.sync.batching import contiguous_ranges
from st_pipeline.sync.pipeline import Pipeline

# What people ask for overtakes what is due by itself.
ASKED_PRIORITY = 10


def launch_syncs(
    instance: dg.DagsterInstance, pipeline: Pipeline, wanted: Collection[str], now: datetime, *, priority: int = 0
) -> list[dg.RunRequest]:
    """Requests of runs for those of the tenants that have none; these are claimed, and nobody else requests them.

    The runs do what is asked for or due when they come to a tenant (sync/duty.py), so one too many would do nothing.
    Each is a registered tenant; one so new that it is no partition yet becomes one.
    """
    free = set(wanted) - partitions_in_flight(instance) if wanted else set[str]()
    if not free:
        return []
    if new := free.difference(instance.get_dynamic_partitions("tenants")):
        instance.add_dynamic_partitions("tenants", sorted(new))
    partitions = instance.get_dynamic_partitions("tenants")
    with postgres.connect(pipeline.database, application="st-pipeline launches", autocommit=True) as connection:
        claimed = launches.claim(connection, free, now)
        # Looked at again: whoever had claimed one just before has by now put its run into the queue.
        for key in claimed & partitions_in_flight(instance):
            launches.release(connection, key)
            claimed.remove(key)
    return [
        dg.RunRequest(
            run_key=f"{first}:{last}:{now.isoformat()}",
            tags={
                **range_tags(first, last),
                "dagster/priority": str(priority),
                # What is due is launched again by itself.
                "dagster/max_retries": "0",
            },
            run_config={"ops": {"sync": {"config": {"if_due": True}}}},
        )
        for first, last in contiguous_ranges(claimed, partitions)
    ]
