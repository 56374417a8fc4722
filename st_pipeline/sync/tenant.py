"""One sync of one tenant: sign in, then land and load each entity and mark its deletions, several in parallel.

If one entity fails, the others continue. The tenant's sync still counts as failed, and says what is missing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import psycopg

from st_pipeline import postgres
from st_pipeline.history import recorder
from st_pipeline.landing.land import Landed, land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.tenant_lock import TenantBusy, tenant_lock
from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.catalogue.lookup import endpoint as endpoint_of
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.errors import ScopeMissing, ServiceTitanError
from st_pipeline.sync.counting import count_after_sync
from st_pipeline.sync.early_loads import EarlyLoads, load_pending
from st_pipeline.sync.outcome import EntityOutcome, Outcome, TenantOutcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.plan import SyncPlan
from st_pipeline.sync.start import start_sync
from st_pipeline.tenants import clients
from st_pipeline.tenants.connection_check import read_admission, refusal
from st_pipeline.tenants.errors import TenantsError
from st_pipeline.warehouse.counts import present_rows
from st_pipeline.warehouse.deletions import mark_deleted

ENTITIES_AT_ONCE = 4  # each keeps pages and a load in memory; the call rate is limited per tenant either way

log = logging.getLogger(__name__)


def sync_tenant(
    pipeline: Pipeline,
    key: str,
    request: SyncPlan,
    *,
    clock: Callable[[], datetime] | None = None,
) -> TenantOutcome:
    """Run ``request`` for tenant ``key``. Errors are returned in the outcome, not raised.

    Times come from ``clock``, or from the pipeline's clock if None.
    """
    clock = clock or pipeline.clock
    outcome = TenantOutcome(key)
    holder = request.run_id[:8] if request.run_id else f"process {os.getpid()}"
    try:
        with tenant_lock(pipeline.database, key, holder, wait_seconds=request.lock_wait_seconds):
            _sync_locked(pipeline, key, request, outcome, clock)
    except TenantBusy as busy:
        outcome.error = str(busy)
    except Exception as error:
        _end_early(outcome, key, error)
    return outcome


def _sync_locked(
    pipeline: Pipeline,
    key: str,
    request: SyncPlan,
    outcome: TenantOutcome,
    clock: Callable[[], datetime],
) -> None:
    with postgres.connect(pipeline.database, application=f"st-pipeline history {key}", autocommit=True) as connection:
        begun = start_sync(connection, key, request, clock())
        if begun is None:
            outcome.is_idle = True
            return
        request, sync_id = begun
        outcome.sync_id = sync_id
        client: ServiceTitan | None = None
        calls = CallLog()
        try:
            if request.land:
                client = _sign_in(pipeline, key, outcome, calls, clock)
            if client or not request.land:
                _sync_entities(pipeline, key, request, client, outcome, clock)
            if client:
                count_after_sync(pipeline, key, client, outcome.entities.values(), clock())
        except BaseException as error:
            # Whatever ended the sync, the history must not show it as succeeded.
            _end_early(outcome, key, error)
            if not isinstance(error, Exception):
                raise
        finally:
            if client:
                client.close()
            recorder.record_finish(
                connection,
                sync_id,
                key,
                clock(),
                error="; ".join(outcome.failures) or None,
                entities=[entity.record() for entity in outcome.entities.values()],
                calls=calls.snapshot(),
            )


def _sign_in(
    pipeline: Pipeline, key: str, outcome: TenantOutcome, calls: CallLog, clock: Callable[[], datetime]
) -> ServiceTitan | None:
    """A client with a token, or None with the reason in ``outcome``. The registry records the result either way."""
    with pipeline.registry() as registry:
        try:
            tenant = registry.get(key)
            if not tenant.enabled:
                outcome.error = f"{key} is disabled; st-pipeline tenants enable {key} turns its syncs back on"
                return None
            client = clients.client(tenant, registry.credentials(key), pipeline.settings, calls=calls)
        except TenantsError as error:
            outcome.error = str(error)
            return None
        try:
            registry.record_check(key, read_admission(tenant, client.granted_scopes()), clock())
            return client
        except ServiceTitanError as error:
            client.close()
            found = refusal(tenant, error)
            registry.record_check(key, found, clock())
            outcome.error = f"{key} is {found.status.label}: {found.detail}"
            return None


def _sync_entities(
    pipeline: Pipeline,
    key: str,
    request: SyncPlan,
    client: ServiceTitan | None,
    outcome: TenantOutcome,
    clock: Callable[[], datetime],
) -> None:
    def one(entity: str) -> EntityOutcome:
        began = time.monotonic()
        found = EntityOutcome(entity)
        name = f"st-pipeline sync {key} {entity}"
        try:
            with postgres.connect(pipeline.database, application=name, autocommit=True) as connection:
                _sync_entity(connection, pipeline, key, endpoint_of(entity), request, client, found, clock)
        except Exception as error:
            _fail(found, key, error)
        found.seconds = time.monotonic() - began
        pipeline.progress(key, entity, "done", 0)
        return found

    with ThreadPoolExecutor(ENTITIES_AT_ONCE, thread_name_prefix=f"sync-{key}") as pool:
        for result in pool.map(one, request.entities):
            outcome.entities[result.entity] = result


def _sync_entity(
    connection: psycopg.Connection,
    pipeline: Pipeline,
    key: str,
    endpoint: Endpoint,
    request: SyncPlan,
    client: ServiceTitan | None,
    outcome: EntityOutcome,
    clock: Callable[[], datetime],
) -> None:
    entity = endpoint.entity
    early = EarlyLoads(pipeline, key, endpoint, wanted=entity in request.load)
    try:
        if entity in request.land and client:
            outcome.landed = _land(connection, pipeline, key, endpoint, request, client, clock, early.begin)
    except ScopeMissing as error:
        outcome.outcome = Outcome.NOT_GRANTED
        outcome.error = f"{key} {entity}: scope {error.scope} is not granted to the app"
    except Exception as error:
        _fail(outcome, key, error)
    # What was landed before an error is in the ledger and is loaded like everything else. If the connection broke, the
    # next sync loads it.
    outcome.loaded = early.end()
    if entity in request.load:
        outcome.loaded += load_pending(connection, pipeline, key, endpoint, again=request.reload)
        outcome.judged = mark_deleted(connection, pipeline.database, pipeline.zone, key, endpoint)
        outcome.rows_in_raw = present_rows(connection, key, endpoint)


def _land(
    connection: psycopg.Connection,
    pipeline: Pipeline,
    key: str,
    endpoint: Endpoint,
    request: SyncPlan,
    client: ServiceTitan,
    clock: Callable[[], datetime],
    recorded: Callable[[], None],
) -> Landed:
    if not client.is_granted(endpoint):
        raise ScopeMissing("not granted", scope=endpoint.scope, tenant=key, entity=endpoint.entity)
    return land(
        client,
        pipeline.zone,
        Ledger(connection),
        key,
        endpoint,
        full=request.full,
        clock=clock,
        progress=lambda records: pipeline.progress(key, endpoint.entity, "fetched", records),
        recorded=recorded,
        file_bytes=pipeline.file_bytes,
    )


def _end_early(outcome: TenantOutcome, key: str, error: BaseException) -> None:
    if isinstance(error, Exception):
        log.error("%s: the sync stopped early: %s", key, error, exc_info=not isinstance(error, TenantsError))
        text = _sentence(error)
        outcome.error = text if key in text else f"{key}: {text}"
    else:
        outcome.error = f"{key}: the sync was interrupted; the next one continues where it stopped"


def _fail(outcome: EntityOutcome, key: str, error: Exception) -> None:
    log.error("%s %s: %s", key, outcome.entity, error, exc_info=not isinstance(error, ServiceTitanError))
    if outcome.outcome is Outcome.FAILED:
        return  # keep the first error, which is the cause: a connection lost while landing also fails the load
    outcome.outcome = Outcome.FAILED
    text = _sentence(error)
    outcome.error = text if key in text and outcome.entity in text else f"{key} {outcome.entity}: {text}"


def _sentence(error: Exception) -> str:
    """The message shown to people. A database error also has the whole statement, which goes only to the log."""
    return (str(error) or type(error).__name__).splitlines()[0]
