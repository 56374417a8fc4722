"""Turn a sync's outcomes into the Dagster failure that says what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import dagster as dg

from st_pipeline.sync.outcome import TenantOutcome
from st_pipeline.visible import visible

# Marks a run in a command's own process (defs/local_runs.py): someone is watching it.
INTERACTIVE_TAG = "st_pipeline/interactive"


def sync_failure(outcomes: Sequence[TenantOutcome], unregistered: Sequence[str] = ()) -> dg.Failure:
    """The failure for outcomes with at least one failed tenant; returned, not raised.

    ``unregistered``: those of them that are partitions only, because someone added a key by hand in the UI.

    Dagster does not retry: the schedule makes failed tenants due again after a pause (schedule/due_times.py).
    """
    failed = [outcome for outcome in outcomes if outcome.failures]
    said = {outcome.tenant: [visible(sentence) for sentence in outcome.failures] for outcome in failed}
    names = ", ".join(outcome.tenant for outcome in failed)
    description = f"{len(failed)} of {len(outcomes)} tenants failed ({names}): " + "; ".join(chain(*said.values()))
    if unregistered:
        description += (
            f". A partition does not make a tenant: {', '.join(map(visible, unregistered))}. Add it in the portal, or "
            "run st-pipeline tenants add; its partition then appears within ten seconds. Other partitions are deleted"
        )
    return dg.Failure(
        description=description,
        metadata={tenant: "\n".join(sentences) for tenant, sentences in said.items()},
        allow_retries=False,
    )
