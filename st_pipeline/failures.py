"""A sync's outcomes -> the Dagster failure that says what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from st_pipeline.sync.outcome import TenantOutcome

# Its value is the process that runs it (defs/local_runs.py): somebody sits before it.
INTERACTIVE_TAG = "st_pipeline/interactive"


def sync_failure(outcomes: Sequence[TenantOutcome]) -> dg.Failure:
    """The failure for outcomes of which at least one failed; returned, not raised.

    Dagster does not retry: the schedule makes the failed tenants due again after a pause (schedule/due_times.py).
    """
    failed = [outcome for outcome in outcomes if outcome.failures]
    said = [sentence for outcome in failed for sentence in outcome.failures]
    names = ", ".join(outcome.tenant for outcome in failed)
    return dg.Failure(
        description=f"{len(failed)} of {len(outcomes)} tenants failed ({names}): " + "; ".join(said),
        metadata={outcome.tenant: "\n".join(outcome.failures) for outcome in failed},
        allow_retries=False,
    )
