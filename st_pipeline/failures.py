"""A sync's outcomes -> the Dagster failure that says what is missing, and whether the step may try again."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from st_pipeline.sync.outcome import TenantOutcome

# Somebody sits before it and sees the reason at once; trying again is theirs to decide.
INTERACTIVE_TAG = "st_pipeline/interactive"


def sync_failure(outcomes: Sequence[TenantOutcome], *, interactive: bool) -> dg.Failure:
    """The failure for outcomes of which at least one failed; returned, not raised.

    Only what may mend by itself is worth another try: an API that was unavailable, never refused credentials or a
    missing scope. In a batch of tenants one that may mend is reason enough; the others cost a call or two.
    """
    failed = [outcome for outcome in outcomes if outcome.failures]
    said = [sentence for outcome in failed for sentence in outcome.failures]
    names = ", ".join(outcome.tenant for outcome in failed)
    return dg.Failure(
        description=f"{len(failed)} of {len(outcomes)} tenants failed ({names}): " + "; ".join(said),
        metadata={outcome.tenant: "\n".join(outcome.failures) for outcome in failed},
        allow_retries=not interactive and any(outcome.is_retryable for outcome in failed),
    )
