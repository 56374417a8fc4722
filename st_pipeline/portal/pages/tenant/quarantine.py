"""A tenant's records in quarantine, with the reasons and each record as it was sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from st_pipeline.history.quarantine import Place, read_counts, read_records
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.entity_words import entity_words

ROWS = 25
LONGEST_SHOWN = 10_000  # characters of a record; a page shows many records


def quarantine(visit: Visit) -> Response:
    """Counts by entity, and the records, newest first."""
    query, key = visit.request.query_params, visit.tenant.key
    counts = read_counts(visit.connection, key)
    wanted = query.get("entity", "")
    entity = wanted if any(one.entity == wanted for one in counts) else None
    after = place_of(query.get("after", ""))
    found = read_records(visit.connection, key, entity=entity, after=after, limit=ROWS)
    base = f"/tenants/{key}/quarantine"
    chosen: dict[str, Any] = {"entity": entity} if entity else {}
    following = None
    if found.next:
        following = f"{base}?{urlencode({**chosen, 'after': f'{found.next.file_id}-{found.next.row_number}'})}"
    return visit.render(
        "quarantine.html",
        counts=counts,
        entity=entity,
        records=found.records,
        longest=LONGEST_SHOWN,
        first=(f"{base}?{urlencode(chosen)}" if chosen else base) if after else None,
        following=following,
        entity_words=entity_words,
    )


def place_of(text: str) -> Place | None:
    """Parse where a page ended from a URL; None if it is missing or invalid."""
    file_id, _, row = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (file_id, row)):
        return None
    return Place(int(file_id), int(row))


PAGES = (page("/tenants/{key}/quarantine", quarantine, permission=Permission.SEE_TENANT),)
