"""The audit log: a table with filters, and its CSV export. audit_search.py searches it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from st_pipeline.portal.audit import audit_search
from st_pipeline.portal.audit.audit_search import Wanted
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.service import Pool
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.audit_words import action_words

PAGE = 100
AT_ONCE = 2000


def audit(visit: Visit) -> Response:
    """The entries, newest first, one page at a time."""
    wanted = Wanted.of(visit.request.query_params)
    found = audit_search.find(visit.connection, wanted, before=_before(visit), limit=PAGE + 1)
    shown = found[:PAGE]
    older = {**wanted.as_query(), "before": shown[-1].id} if len(found) > PAGE else None
    query = urlencode(wanted.as_query())
    return visit.render(
        "audit.html",
        entries=[(one, audit_search.words(one.detail)) for one in shown],
        wanted=wanted,
        action_words=action_words,
        actions=audit_search.actions(visit.connection),
        older=f"/audit?{urlencode(older)}" if older else None,
        newest=f"/audit?{query}" if query else "/audit",
        is_first=_before(visit) is None,
        file=f"/audit.csv?{query}" if query else "/audit.csv",
    )


def audit_file(visit: Visit) -> Response:
    """All matching entries as CSV, streamed, because the audit is never deleted."""
    wanted = Wanted.of(visit.request.query_params)
    visit.record("audit exported", **({"filters": filters} if (filters := wanted.as_query()) else {}))
    name = f"audit-{visit.now:%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    # Starlette adds the charset.
    return StreamingResponse(_lines(visit.portal.pool, wanted), headers=headers, media_type="text/csv")


def _lines(pool: Pool, wanted: Wanted) -> Iterator[str]:
    before, is_first = None, True
    while True:
        # A connection per part, so that a slow reader doesn't hold one.
        with pool.connection() as connection:
            found = audit_search.find(connection, wanted, before=before, limit=AT_ONCE)
        yield audit_search.csv_lines(found, has_head=is_first)
        if len(found) < AT_ONCE:
            return
        before, is_first = found[-1].id, False


def _before(visit: Visit) -> int | None:
    text = visit.request.query_params.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


PAGES = (
    page("/audit", audit, permission=Permission.SEE_ALL),
    page("/audit.csv", audit_file, permission=Permission.SEE_ALL),
)
