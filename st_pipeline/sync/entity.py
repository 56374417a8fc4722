"""One entity of one tenant's sync: land it, load it, mark its deletions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg

from st_pipeline import postgres
from st_pipeline.landing.hold import Hold
from st_pipeline.landing.land import Landed, land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.servicetitan.catalogue.lookup import endpoint as endpoint_of
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.errors import ScopeMissing, ServiceTitanError
from st_pipeline.steps.step import Do, Step
from st_pipeline.sync.early_loads import EarlyLoads, load_pending
from st_pipeline.sync.outcome import EntityOutcome, Outcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.plan import SyncPlan
from st_pipeline.warehouse.counts import present_rows
from st_pipeline.warehouse.deletions import mark_deleted
from st_pipeline.warehouse.pending_files import FilesUnreadable

log = logging.getLogger(__name__)


def sync_entity(
    pipeline: Pipeline,
    hold: Hold,
    entity: str,
    plan: SyncPlan,
    client: ServiceTitan | None,
    clock: Callable[[], datetime],
) -> EntityOutcome:
    """Sync ``entity`` of the tenant that is held; without a client it is only loaded. Errors are in the outcome."""
    key, outcome = hold.tenant, EntityOutcome(entity)
    try:
        with postgres.connect(
            pipeline.database, application=f"st-pipeline sync {key} {entity}", autocommit=True
        ) as connection:
            _EntitySync(connection, pipeline, hold, endpoint_of(entity), plan, client, clock, outcome).run()
    except Exception as error:
        _fail(outcome, key, error)
    return outcome


@dataclass(frozen=True, slots=True)
class _EntitySync:
    connection: psycopg.Connection
    pipeline: Pipeline
    hold: Hold
    endpoint: Endpoint
    plan: SyncPlan
    client: ServiceTitan | None
    clock: Callable[[], datetime]
    outcome: EntityOutcome

    def run(self) -> None:
        connection, pipeline, key, endpoint = self.connection, self.pipeline, self.hold.tenant, self.endpoint
        outcome, is_loaded = self.outcome, endpoint.entity in self.plan.load
        early = EarlyLoads(pipeline, self.hold, endpoint, wanted=is_loaded)
        try:
            if endpoint.entity in self.plan.land and self.client:
                outcome.landed = self._land(self.client, early.begin)
        except ScopeMissing as error:
            outcome.outcome = Outcome.NOT_GRANTED
            outcome.cause = f"the app does not have the permission {error.scope}"
            outcome.error = f"{key} {endpoint.entity}: {outcome.cause}"
            outcome.steps, outcome.trace_id = (Step(Do.GRANT_SCOPE, error.scope),), error.trace_id
        except Exception as error:
            _fail(outcome, key, error)
        # What was landed before an error is in the ledger and is loaded like everything else. If the connection broke,
        # the next sync loads it.
        outcome.loaded = early.end()
        if is_loaded:
            outcome.loaded += load_pending(connection, pipeline, self.hold, endpoint, again=self.plan.reload)
            if not outcome.loaded.unreadable:
                outcome.judged = mark_deleted(connection, pipeline.database, pipeline.zone, key, endpoint, self.hold)
            outcome.rows_in_raw = present_rows(connection, key, endpoint)
            if outcome.loaded.unreadable:
                raise FilesUnreadable(key, endpoint.entity, outcome.loaded.unreadable)

    def _land(self, client: ServiceTitan, recorded: Callable[[], None]) -> Landed:
        entity = self.endpoint.entity
        if not client.is_granted(self.endpoint):
            raise ScopeMissing("not granted", scope=self.endpoint.scope, tenant=self.hold.tenant, entity=entity)
        return land(
            client,
            self.pipeline.zone,
            Ledger(self.connection, self.hold),
            self.hold.tenant,
            self.endpoint,
            full=self.plan.full,
            clock=self.clock,
            progress=lambda records: self.pipeline.progress(self.hold.tenant, entity, "fetched", records),
            recorded=recorded,
            file_bytes=self.pipeline.file_bytes,
        )


def _fail(outcome: EntityOutcome, key: str, error: Exception) -> None:
    # What ServiceTitan did is logged once for all entities, at the end of the tenant's sync.
    if not isinstance(error, ServiceTitanError):
        log.error("%s %s: %s", key, outcome.entity, error, exc_info=error)
    if outcome.outcome is not Outcome.FAILED:  # the first error is the cause: a lost connection also fails the load
        outcome.fail(error, key)
