"""The buttons of a tenant's page: each writes a row and an audit row, and says what happens next."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from st_pipeline.history.syncs import read_running_syncs
from st_pipeline.operations.tenant_changes import PAUSED
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.cadence_words import in_words
from st_pipeline.schedule.tenant_states import parse_stored_cadence

NEVER_CONNECTED = "This company was never connected, so there is nothing to sync. Connect it first."


def sync(visit: Visit) -> Response:
    """Request a sync, or with ``full`` a full refresh, which only operators may."""
    tenant, is_full = visit.tenant, visit.form.get("full") == "1"
    if is_full and not visit.actor.may(Permission.ADMINISTER):
        raise HTTPException(403)
    if not tenant.enabled:
        return _back(visit, "This company is disabled and cannot be synced. An operator can enable it.")
    if tenant.connected_at is None:
        return _back(visit, NEVER_CONNECTED)
    visit.operations().request_sync(tenant.key, visit.actor.name, full=is_full)
    what = "Full refresh" if is_full else "Sync"
    if tenant.key in read_running_syncs(visit.connection):
        return _back(visit, f"{what} requested. It starts after the sync that is running now.")
    return _back(visit, f"{what} requested. It starts soon, or after the syncs ahead of it.")


def pause(visit: Visit) -> Response:
    """Stop automatic syncs."""
    if not visit.operations().pause(visit.tenant.key):
        return _back(visit, "Already paused.")
    return _back(visit, f"Paused. When you resume, syncs run {_words(visit.tenant.cadence)} again.")


def resume(visit: Visit) -> Response:
    """Go back to the cadence from before the pause."""
    cadence = visit.operations().resume(visit.tenant.key)
    if cadence is None:
        return _back(visit, "This company is not paused.")
    return _back(visit, f"Resumed. Syncs run {_words(cadence)}.")


def enable(visit: Visit) -> Response:
    """Turn a disabled tenant's syncs back on."""
    if not visit.operations().enable(visit.tenant.key):
        return _back(visit, "Already enabled.")
    if visit.tenant.connected_at is None:
        return _back(visit, "Enabled. Syncs start automatically once it is connected.")
    if visit.tenant.cadence == PAUSED:
        return _back(visit, "Enabled, but still paused. Click Resume or Sync now.")
    return _back(visit, "Enabled. Automatic syncs are on again.")


def _words(cadence: str) -> str:
    return in_words(parse_stored_cadence(cadence))


def _back(visit: Visit, notice: str) -> Response:
    return visit.redirect(f"/tenants/{visit.tenant.key}", notice)


PAGES = (
    page("/tenants/{key}/sync", sync, permission=Permission.SYNC, methods=("POST",)),
    page("/tenants/{key}/pause", pause, permission=Permission.ADMINISTER, methods=("POST",)),
    page("/tenants/{key}/resume", resume, permission=Permission.ADMINISTER, methods=("POST",)),
    page("/tenants/{key}/enable", enable, permission=Permission.ADMINISTER, methods=("POST",)),
)
