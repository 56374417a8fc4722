"""Tenants -> runs for the daemon's queue. A tenant never gets two; adjacent partitions share a run.

To run a job in the current process, see local_runs.py.
"""

from collections.abc import Collection
from datetime import datetime

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs.in_flight import partitions_in_flight
from st_pipeline.defs.partitions import range_tags
from st_pipeline.schedule import launch_claims
from st_pipeline.sync.batching import contiguous_ranges
from st_pipeline.sync.pipeline import Pipeline

# Syncs that people request run ahead of scheduled ones.
ASKED_PRIORITY = 10


def launch_syncs(
    instance: dg.DagsterInstance, pipeline: Pipeline, wanted: Collection[str], now: datetime, *, priority: int = 0
) -> list[dg.RunRequest]:
    """Claim the tenants that have no run yet and return run requests for them. Claimed tenants are requested only once.

    When a run reaches a tenant, it does only what is requested or due (sync/decision.py), so an extra run does nothing.
    Each tenant must be registered. One that has no partition yet gets one.
    """
    free = set(wanted) - partitions_in_flight(instance) if wanted else set[str]()
    if not free:
        return []
    if new := free.difference(instance.get_dynamic_partitions("tenants")):
        instance.add_dynamic_partitions("tenants", sorted(new))
    partitions = instance.get_dynamic_partitions("tenants")
    with postgres.connect(pipeline.database, application="st-pipeline launches", autocommit=True) as connection:
        claimed = launch_claims.claim(connection, free, now)
        # Check again: a launcher that claimed one of these just before has queued its run by now.
        for key in claimed & partitions_in_flight(instance):
            launch_claims.release(connection, key)
            claimed.remove(key)
    return [
        dg.RunRequest(
            run_key=f"{first}:{last}:{now.isoformat()}",
            tags={
                **range_tags(first, last),
                "dagster/priority": str(priority),
                # A sync that is still due is launched again automatically.
                "dagster/max_retries": "0",
            },
            run_config={"ops": {"sync": {"config": {"if_due": True}}}},
        )
        for first, last in contiguous_ranges(claimed, partitions)
    ]
