"""How a sync starts: decide what to do under the tenant's lock, and record it before making any API call."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg

from st_pipeline.history import recorder
from st_pipeline.schedule import launch_claims, sync_requests, tenant_states
from st_pipeline.schedule.due_times import Due
from st_pipeline.sync.decision import Decision, decide
from st_pipeline.sync.plan import SyncPlan
from st_pipeline.tenants import tenant_table


def start_sync(
    connection: psycopg.Connection[Any],
    key: str,
    request: SyncPlan,
    now: datetime,
) -> tuple[SyncPlan, int] | None:
    """Return what to do and the sync's id in the history, or None if there is nothing to do.

    One transaction records the sync in the history and marks the requests that it covers. The caller holds the tenant's
    lock, so no other sync can start.

    Raises:
        TenantUnknown: the tenant was removed.
    """
    with connection.transaction():
        launch_claims.release(connection, key)
        asked = sync_requests.read_open_requests(connection, key, holds_lock=True)
        if request.if_due:
            found = decide(asked, _due(connection, key, now), now)
            if found is None:
                return None
            request = _of_duty(request, found)
        sync_id = recorder.record_start(
            connection, key, request.run_id, now, full=request.full, partial=request.is_partial, cause=request.cause
        )
        # A reload serves no request.
        if not request.reload:
            entities = [entity for entity in request.load if entity in request.land] if request.is_partial else None
            sync_requests.mark_served(connection, asked, sync_id, now, entities=entities, full=request.full)
    return request, sync_id


def _due(connection: psycopg.Connection[Any], key: str, now: datetime) -> Due | None:
    tenant = tenant_table.read(connection, key)
    state = tenant_states.read_states(connection, key, holds_lock=True).get(key)
    return tenant_states.find_next_sync(tenant, state, now) if state else None


def _of_duty(request: SyncPlan, found: Decision) -> SyncPlan:
    wanted = request.entities if found.entities is None else [e for e in request.entities if e in found.entities]
    return replace(
        request,
        land=[entity for entity in request.land if entity in wanted],
        load=[entity for entity in request.load if entity in wanted],
        full=found.full,
        is_partial=request.is_partial or found.entities is not None,
        cause=found.cause,
    )
