"""One tenant: its state, what to do next, and its last syncs. portal.js reloads a part of the page.

tenant_actions.py handles its buttons, next_step.py chooses the first message.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from st_pipeline.history.sync_log import read_progress
from st_pipeline.history.syncs import SyncState, read_last_syncs, read_sync
from st_pipeline.overview.overview import TenantOverview, read_tenant_overview
from st_pipeline.portal.pages.tenant.connect import answer
from st_pipeline.portal.pages.tenant.syncs import dagster_run, syncs_words
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.cadence_words import in_words
from st_pipeline.portal.words.charts import rows_chart
from st_pipeline.portal.words.formats import connection_badge, data_state
from st_pipeline.portal.words.next_step import next_step, open_incidents
from st_pipeline.rules.headings import heading
from st_pipeline.rules.thresholds_file import read_rules
from st_pipeline.schedule.tenant_states import parse_stored_cadence

SHOWN_SYNCS = 8


def tenant(visit: Visit) -> Response:
    """The whole page."""
    return visit.render("tenant.html", **_standing(visit))


def status(visit: Visit) -> Response:
    """The part of the page that is reloaded."""
    return visit.render("tenant_status.html", **_standing(visit))


def _standing(visit: Visit) -> dict[str, Any]:
    connection, key = visit.connection, visit.tenant.key
    one = read_tenant_overview(connection, key, visit.now, rules=read_rules(visit.portal.settings.home))
    recent = read_last_syncs(connection, key, SHOWN_SYNCS)
    newest = recent[0] if recent else None
    is_running = newest is not None and newest.state is SyncState.RUNNING
    last = next((sync for sync in recent if sync.state is not SyncState.RUNNING), None)
    detail = read_sync(connection, last.id) if last else None
    return {
        "one": one,
        "rule_words": heading,
        "step": next_step(one, visit.now, answer(visit, visit.registry().outline(key))),
        "incidents": open_incidents(one),
        "connection": connection_badge(one.tenant),
        "data": data_state(one),
        "cadence": in_words(parse_stored_cadence(one.tenant.cadence)),
        "chart": rows_chart(one.recent),
        "recent": recent,
        "running": newest if is_running else None,
        "progress": read_progress(connection, key, newest.started_at) if newest and is_running else [],
        "last": last,
        "entities": detail.entities if detail else [],
        "is_due": _is_due(one, visit),
        "dagster_run": dagster_run(visit),
        **syncs_words(visit),
    }


def _is_due(one: TenantOverview, visit: Visit) -> bool:
    return one.is_queued or bool(one.next_sync and one.next_sync.at <= visit.now)


PAGES = (
    page("/tenants/{key}", tenant, permission=Permission.SEE_TENANT),
    page("/tenants/{key}/status", status, permission=Permission.SEE_TENANT),
)
