"""What is asked of a sync of one tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from st_pipeline.history.history import BY_HAND, Cause

LOCK_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a sync. Entities to land and to load may differ: a load alone asks nothing of the API."""

    land: Sequence[str]
    load: Sequence[str]
    full: bool = False
    reload: bool = False
    run_id: str | None = None
    lock_wait_seconds: float = LOCK_WAIT_SECONDS
    is_partial: bool = False
    """Not all there is to sync, so that it serves no regular time."""
    if_due: bool = False
    """Only what was asked for or is due when the sync begins; with nothing of that, nothing is done."""
    cause: Cause = BY_HAND

    @property
    def entities(self) -> list[str]:
        """Everything named, in order, once."""
        return list(dict.fromkeys([*self.land, *self.load]))
