"""A tenant's syncs, page by page, and the details of one: entities, calls, log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from st_pipeline.history.sync_log import read_log
from st_pipeline.history.syncs import Position, SyncState, read_sync, read_syncs
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.entity_words import entity_words
from st_pipeline.portal.words.formats import Badge, sync_badge
from st_pipeline.portal.words.step_words import problem_words
from st_pipeline.portal.words.sync_words import log_lines, reason_words, scope_words
from st_pipeline.rules.thresholds_file import read_rules
from st_pipeline.servicetitan.calls import CallCount

ROWS = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_ENTITY_BADGES = {
    "succeeded": Badge("succeeded", "good"),
    "failed": Badge("failed", "bad"),
    "not_granted": Badge("permission missing", "warn"),
}


def syncs(visit: Visit) -> Response:
    """The syncs, newest first; ``outcome`` filters, ``after`` is where the previous page ended."""
    query = visit.request.query_params
    wanted = query.get("outcome", "")
    state = SyncState(wanted) if wanted in list(SyncState) else None
    after = position_of(query.get("after", ""))
    found = read_syncs(visit.connection, visit.tenant.key, state=state, after=after, limit=ROWS)
    base = f"/tenants/{visit.tenant.key}/syncs"
    chosen = {"outcome": state.value} if state else {}
    following = f"{base}?{urlencode({**chosen, 'after': position_text(found.next)})}" if found.next else None
    return visit.render(
        "syncs.html",
        syncs=found.syncs,
        state=state,
        states=list(SyncState),
        first=(f"{base}?{urlencode(chosen)}" if chosen else base) if after else None,
        following=following,
        **syncs_words(visit),
    )


def sync_of_tenant(visit: Visit) -> Response:
    """One sync. Syncs of other tenants, and those that were rolled up, are not found."""
    detail = read_sync(visit.connection, visit.number("id"))
    if detail is None or detail.sync.tenant != visit.tenant.key:
        raise HTTPException(
            404,
            "This sync does not exist, or it is so old that only daily totals are kept. Go back to Syncs to choose "
            "another.",
        )
    sync = detail.sync
    rows = read_log(visit.connection, sync, visit.now)
    return visit.render(
        "sync.html",
        sync=sync,
        entities=detail.entities,
        calls=sorted(detail.calls, key=_slow_first),
        lines=log_lines(detail, rows, visit.actor),
        dagster_run=dagster_run(visit),
        **syncs_words(visit),
    )


def syncs_words(visit: Visit) -> dict[str, Any]:
    """The template functions that word syncs for this actor."""
    return {
        "sync_badge": sync_badge,
        "entity_badge": lambda outcome: _ENTITY_BADGES.get(outcome, Badge(outcome, "quiet")),
        "entity_words": entity_words,
        "reason_words": reason_words,
        "scope_words": scope_words,
        "said": lambda problem, steps: problem_words(problem, steps, visit.actor, visit.tenant.key),
    }


def dagster_run(visit: Visit) -> Callable[[str | None], str | None]:
    """The URL of a run in Dagster's UI, for people who may use it."""
    settings = visit.portal.settings
    base = read_rules(settings.home, settings.dagster_url).telling.dagster_url
    may = visit.actor.may(Permission.ADMINISTER)
    return lambda run_id: f"{base}/runs/{run_id}" if run_id and may else None


def position_text(position: Position) -> str:
    """A position for a URL: microseconds since 1970, and the ID."""
    return f"{(position.started_at - EPOCH) // MICROSECOND}-{position.id}"


def position_of(text: str) -> Position | None:
    """Parse a position from a URL; None if it is invalid."""
    since, _, number = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (since, number)):
        return None
    try:
        return Position(EPOCH + int(since) * MICROSECOND, int(number))
    except OverflowError:
        return None


def _slow_first(call: CallCount) -> tuple[float, str, int]:
    return (-call.seconds, call.operation, call.status)


PAGES = (
    page("/tenants/{key}/syncs", syncs, permission=Permission.SEE_TENANT),
    page("/tenants/{key}/syncs/{id}", sync_of_tenant, permission=Permission.SEE_TENANT),
)
