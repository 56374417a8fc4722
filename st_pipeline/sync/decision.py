"""What an automatic run does for a tenant: first what was requested, then what is due, otherwise nothing.

The run decides when it reaches the tenant. So a run that was launched twice, or is run again after a crash, does
nothing twice. Pure. Requests and states come from schedule/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from st_pipeline.history.recorder import Cause
from st_pipeline.schedule.due_times import Due
from st_pipeline.schedule.sync_requests import SyncRequest


@dataclass(frozen=True, slots=True)
class Decision:
    """One sync to run now."""

    cause: Cause
    entities: Sequence[str] | None = None
    """None: all."""
    full: bool = False


def decide(requests: Sequence[SyncRequest], due: Due | None, now: datetime) -> Decision | None:
    """The oldest request, or what is due by ``now``, or None. ``requests`` and ``due`` belong to one tenant.

    If a sync is due, a request for all entities also counts as that sync.
    """
    is_due = due is not None and due.at <= now
    if requests:
        first = requests[0]
        due_for = due.due_for if due and is_due and first.entities is None else None
        return Decision(Cause("request", due_for, first.requested_by), first.entities, first.is_full)
    if due and is_due:
        return Decision(Cause(due.reason, due.due_for))
    return None
