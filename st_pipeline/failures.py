"""Turn a sync's outcomes into the Dagster failure that says what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from st_pipeline.sync.outcome import TenantOutcome

# The tag's value is the process that runs it (defs/local_runs.py): someone is watching it.
INTERACTIVE_TAG = "st_pipeline/interactive"


def sync_failure(outcomes: Sequence[TenantOutcome]) -> dg.Failure:
    """The failure for outcomes with at least one failed tenant; returned, not raised.

    Dagster does not retry: the schedule makes failed tenants due again after a pause (schedule/due_times.py).
    """
    failed = [outcome for outcome in outcomes if outcome.failures]
    said = [sentence for outcome in failed for sentence in outcome.failures]
    names = ", ".join(outcome.tenant for outcome in failed)
    return dg.Failure(
        description=f"{len(failed)} of {len(outcomes)} tenants failed ({names}): " + "; ".join(said),
        metadata={outcome.tenant: "\n".join(outcome.failures) for outcome in failed},
        allow_retries=False,
    )
