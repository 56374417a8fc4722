"""How a sync ended, for one entity and for a tenant, and whether that counts as success."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from st_pipeline.history.recorder import EntityRecord
from st_pipeline.landing.land import Landed
from st_pipeline.servicetitan.catalogue.assets import is_legacy_required
from st_pipeline.warehouse.deletions import DeletionVerdict
from st_pipeline.warehouse.loading import Loaded


class Outcome(StrEnum):
    """An entity succeeds only if it was read to the end and loaded."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_GRANTED = "not_granted"


@dataclass(slots=True)
class EntityOutcome:
    """One entity of one tenant."""

    entity: str
    outcome: Outcome = Outcome.SUCCEEDED
    landed: Landed | None = None
    loaded: Loaded = field(default_factory=Loaded)
    judged: DeletionVerdict | None = None
    rows_in_raw: int | None = None
    seconds: float = 0.0
    error: str | None = None

    @property
    def is_failure(self) -> bool:
        """A missing scope is a failure only for entities that the legacy tables require."""
        if self.outcome is Outcome.NOT_GRANTED:
            return is_legacy_required(self.entity)
        return self.outcome is Outcome.FAILED

    def record(self) -> EntityRecord:
        """The row for the history."""
        landed = self.landed
        return EntityRecord(
            entity=self.entity,
            outcome=self.outcome,
            fetched=landed.records if landed else 0,
            landed=landed.records if landed else 0,
            loaded=self.loaded.rows,
            quarantined_whole=self.loaded.quarantined_whole,
            quarantined_fields=landed.notes - landed.quarantined_whole if landed else 0,
            deleted=self.judged.marked if self.judged else 0,
            files=landed.files if landed else 0,
            pages=landed.pages if landed else 0,
            bytes=landed.bytes if landed else 0,
            seconds=self.seconds,
            api_total=landed.total_count if landed else None,
            detail=self.error or (self.judged.refused if self.judged else None),
        )


@dataclass(slots=True)
class TenantOutcome:
    """One tenant: ``error`` is why the sync could not start or stopped early; ``entities`` has each entity's result."""

    tenant: str
    entities: dict[str, EntityOutcome] = field(default_factory=dict)
    error: str | None = None
    sync_id: int | None = None
    is_idle: bool = False
    """Nothing was requested or due, so nothing was done."""

    @property
    def failures(self) -> list[str]:
        """One sentence for each thing that failed."""
        entities = [outcome.error or outcome.entity for outcome in self.entities.values() if outcome.is_failure]
        return ([self.error] if self.error else []) + entities
