"""The plan for one tenant's sync."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from st_pipeline.history.recorder import BY_HAND, Cause

LOCK_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync should do. Entities to land and to load can differ: a load alone makes no API calls."""

    land: Sequence[str]
    load: Sequence[str]
    full: bool = False
    reload: bool = False
    run_id: str | None = None
    lock_wait_seconds: float = LOCK_WAIT_SECONDS
    is_partial: bool = False
    """Covers only part of what there is to sync, so it doesn't count as a scheduled sync."""
    if_due: bool = False
    """Do only what was requested or is due when the sync starts. If there is nothing, do nothing."""
    cause: Cause = BY_HAND

    @property
    def entities(self) -> list[str]:
        """All named entities, in order, without duplicates."""
        return list(dict.fromkeys([*self.land, *self.load]))
