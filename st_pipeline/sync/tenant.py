"""One sync of one tenant: sign in, then sync its entities, several in parallel.

If one entity fails, the others continue. The tenant's sync still counts as failed, and says what is missing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from st_pipeline import postgres
from st_pipeline.history import recorder
from st_pipeline.landing.hold import Hold
from st_pipeline.landing.tenant_lock import TenantBusy, tenant_lock
from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.errors import ServiceTitanError
from st_pipeline.steps.step import Do, Step
from st_pipeline.sync.counting import count_after_sync
from st_pipeline.sync.entity import sync_entity
from st_pipeline.sync.outcome import EntityOutcome, TenantOutcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.plan import SyncPlan
from st_pipeline.sync.start import start_sync
from st_pipeline.tenants.connection_check import explain_refusal, judge_admission
from st_pipeline.tenants.errors import TenantsError

ENTITIES_AT_ONCE = 4  # each keeps pages and a load in memory; the call rate is limited per tenant either way

log = logging.getLogger(__name__)


def sync_tenant(
    pipeline: Pipeline, key: str, plan: SyncPlan, *, clock: Callable[[], datetime] | None = None
) -> TenantOutcome:
    """Run ``plan`` for tenant ``key``. Errors are returned in the outcome, not raised.

    Times come from ``clock``, or from the pipeline's clock if None.
    """
    return TenantSync(pipeline, key, plan, clock or pipeline.clock).run()


@dataclass(slots=True)
class TenantSync:
    """A running sync and its outcome so far."""

    pipeline: Pipeline
    key: str
    plan: SyncPlan
    clock: Callable[[], datetime]
    outcome: TenantOutcome = field(init=False)
    _calls: CallLog = field(init=False, default_factory=CallLog)

    def __post_init__(self) -> None:
        self.outcome = TenantOutcome(self.key)

    def run(self) -> TenantOutcome:
        """Wait for the tenant's lock, then sync. Raises only what ends the process."""
        holder = self.plan.run_id[:8] if self.plan.run_id else f"process {os.getpid()}"
        try:
            with tenant_lock(
                self.pipeline.database, self.key, holder, wait_seconds=self.plan.lock_wait_seconds
            ) as hold:
                self._run_locked(hold)
        except TenantBusy as busy:
            self.outcome.stop(busy)
        except Exception as error:
            self._end_early(error)
        return self.outcome

    def _run_locked(self, hold: Hold) -> None:
        name = f"st-pipeline history {self.key}"
        with postgres.connect(self.pipeline.database, application=name, autocommit=True) as connection:
            started = start_sync(connection, self.key, self.plan, self.clock())
            if started is None:
                self.outcome.is_idle = True
                return
            self.plan, self.outcome.sync_id = started
            try:
                self._sync(hold)
            except BaseException as error:
                # Whatever ended the sync, the history must not show it as succeeded.
                self._end_early(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                outcome = self.outcome
                recorder.record_finish(
                    connection,
                    started[1],
                    self.key,
                    self.clock(),
                    error="; ".join(outcome.problems) or None,
                    own_error=outcome.error,
                    steps=outcome.steps,
                    trace_id=outcome.first_trace_id,
                    entities=[entity.record() for entity in outcome.entities.values()],
                    calls=self._calls.snapshot(),
                )

    def _sync(self, hold: Hold) -> None:
        if not self.plan.land:
            self._sync_entities(hold, None)
        elif client := self._sign_in():
            try:
                self._sync_entities(hold, client)
                count_after_sync(self.pipeline, self.key, client, self.outcome.entities.values(), self.clock())
            finally:
                client.close()

    def _sign_in(self) -> ServiceTitan | None:
        """A client with a token, or None with the reason in ``outcome``. The registry records the result either way."""
        with self.pipeline.registry() as registry:
            try:
                tenant = registry.get(self.key)
                if not tenant.enabled:
                    self.outcome.error, self.outcome.steps = f"{self.key} is disabled", (Step(Do.ENABLE),)
                    return None
                client = self.pipeline.client_for(tenant, registry.credentials(self.key), self._calls)
            except TenantsError as error:
                self.outcome.stop(error)
                return None
            try:
                registry.record_check(self.key, judge_admission(tenant, client.granted_scopes()), self.clock())
                return client
            except ServiceTitanError as error:
                client.close()
                found = explain_refusal(tenant, error)
                registry.record_check(self.key, found, self.clock())
                self.outcome.stop(error)
                self.outcome.error = f"{self.key}: {found.status.label}. {found.detail}"
                self.outcome.steps = found.steps
                return None

    def _sync_entities(self, hold: Hold, client: ServiceTitan | None) -> None:
        def one(entity: str) -> EntityOutcome:
            began = time.monotonic()
            found = sync_entity(self.pipeline, hold, entity, self.plan, client, self.clock)
            found.seconds = time.monotonic() - began
            self.pipeline.progress(self.key, entity, "done", 0)
            return found

        with ThreadPoolExecutor(ENTITIES_AT_ONCE, thread_name_prefix=f"sync-{self.key}") as pool:
            for result in pool.map(one, self.plan.entities):
                self.outcome.entities[result.entity] = result
        for failure in self.outcome.failures:
            log.error("%s", failure)

    def _end_early(self, error: BaseException) -> None:
        if isinstance(error, Exception):
            log.error("%s: the sync stopped early: %s", self.key, error, exc_info=not isinstance(error, TenantsError))
            self.outcome.stop(error)
        else:
            self.outcome.error = f"{self.key}: the sync was interrupted; the next one continues where it stopped"
            self.outcome.steps = ()
