"""How a sync ended, for one entity and for a tenant, and whether that counts as success."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from st_pipeline.history.recorder import EntityRecord
from st_pipeline.landing.land import Landed
from st_pipeline.landing.tenant_lock import TenantBusy
from st_pipeline.servicetitan.catalogue.assets import is_legacy_required
from st_pipeline.servicetitan.errors import ServiceTitanError
from st_pipeline.steps.advised_error import problem_of, steps_of
from st_pipeline.steps.commands import with_commands
from st_pipeline.steps.step import Steps
from st_pipeline.tenants.errors import CredentialsMissing, TenantUnknown, VaultLocked
from st_pipeline.warehouse.deletions import DeletionVerdict
from st_pipeline.warehouse.loading import Loaded

# Errors whose text says which tenant they are about.
NAME_THE_TENANT = (ServiceTitanError, TenantBusy, TenantUnknown, CredentialsMissing, VaultLocked)


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
    steps: Steps = ()
    """What to do about ``error``."""
    trace_id: str | None = None
    cause: str | None = None
    """``error`` without what differs from entity to entity; entities that share it are told together."""

    def fail(self, error: Exception, tenant: str) -> None:
        """Record that ``error`` ended it."""
        self.outcome = Outcome.FAILED
        # Only ServiceTitan's errors name the tenant and the entity themselves.
        where = "" if isinstance(error, ServiceTitanError) else f"{tenant} {self.entity}: "
        self.error = f"{where}{problem_of(error)}"
        self.steps, self.trace_id = steps_of(error), _trace_id(error)
        self.cause = error.cause if isinstance(error, ServiceTitanError) else problem_of(error)

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
            trace_id=self.trace_id,
            steps=self.steps,
        )


@dataclass(slots=True)
class TenantOutcome:
    """One tenant: ``error`` is why the sync could not start or stopped early; ``entities`` has each entity's result."""

    tenant: str
    entities: dict[str, EntityOutcome] = field(default_factory=dict)
    error: str | None = None
    steps: Steps = ()
    """What to do about ``error``."""
    trace_id: str | None = None
    sync_id: int | None = None
    is_idle: bool = False
    """Nothing was requested or due, so nothing was done."""

    def stop(self, error: Exception) -> None:
        """Record that ``error`` ended the sync itself."""
        where = "" if isinstance(error, NAME_THE_TENANT) else f"{self.tenant}: "
        self.error = f"{where}{problem_of(error)}"
        self.steps, self.trace_id = steps_of(error), _trace_id(error)

    @property
    def problems(self) -> list[str]:
        """What failed, one sentence for each cause."""
        return [problem for problem, _ in self._failed()]

    @property
    def failures(self) -> list[str]:
        """What failed and what to do about it, with commands."""
        return [with_commands(problem, steps, self.tenant) for problem, steps in self._failed()]

    @property
    def first_trace_id(self) -> str | None:
        """The API's, of the first error that has one."""
        failed = [self.trace_id, *(entity.trace_id for entity in self.entities.values())]
        return next((trace_id for trace_id in failed if trace_id), None)

    def _failed(self) -> list[tuple[str, Steps]]:
        own = [(self.error, self.steps)] if self.error else []
        causes: dict[tuple[str, Steps], list[EntityOutcome]] = {}
        for one in self.entities.values():
            if one.is_failure:
                causes.setdefault((one.cause or one.error or one.entity, one.steps), []).append(one)
        return own + [(self._told(cause, ones), steps) for (cause, steps), ones in causes.items()]

    def _told(self, cause: str, ones: list[EntityOutcome]) -> str:
        if len(ones) == 1:
            return ones[0].error or cause
        trace_id = next((one.trace_id for one in ones if one.trace_id), None)
        trace = f" (trace {trace_id})" if trace_id else ""
        return f"{self.tenant}: {cause}{trace}, for {len(ones)} record types: {', '.join(one.entity for one in ones)}"


def _trace_id(error: Exception) -> str | None:
    return error.trace_id if isinstance(error, ServiceTitanError) else None
