"""Ask the API how many records it has, after a sync. Exports don't say, but most have a matching list that does.

rules/api_counts.py stores and evaluates the counts. A list is used only if it covers everything that the export
returns: it must include inactive records and filter by creation time, because exports lag. So these have no count:

- ``accounting_invoice_items``: there is no list.
- ``crm_customer_contacts``: its list doesn't cover a whole tenant or say whether it includes inactive contacts.
- ``jpm_jobs``: its list has no filter for inactive jobs and doesn't say whether it includes them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psycopg

from st_pipeline import postgres
from st_pipeline.rules.api_counts import ApiCount, is_count_due, read_last_counts, store_count
from st_pipeline.servicetitan.catalogue.lookup import endpoint as endpoint_of
from st_pipeline.servicetitan.catalogue.lookup import endpoints
from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.sync.outcome import EntityOutcome, Outcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.warehouse.counts import CREATED, rows_before

LAG = timedelta(minutes=15)
"""How late new records can appear in exports (developer.servicetitan.io, export endpoints)."""
SLACK = timedelta(hours=1)
"""Margin for records committed late with an older creation time, and for clock differences."""

log = logging.getLogger(__name__)


def count_after_sync(
    pipeline: Pipeline, key: str, client: ServiceTitan, outcomes: Iterable[EntityOutcome], now: datetime
) -> int:
    """Count the entities of tenant ``key`` that this sync fully read and loaded, if a count is due.

    Returns how many entities were counted. Each takes one API call, after a full read or else once a week. The caller
    must hold the tenant's lock. A failed count doesn't fail the sync: nothing is raised, and the next sync tries again.
    """
    read = [one for one in outcomes if one.outcome is Outcome.SUCCEEDED and one.landed and one.rows_in_raw is not None]
    done = 0
    try:
        with postgres.connect(pipeline.database, application=f"st-pipeline count {key}", autocommit=True) as connection:
            last = {count.entity: count for count in read_last_counts(connection, key)}
            for one in read:
                counts = endpoint_that_counts(endpoint_of(one.entity))
                whole = bool(one.landed and one.landed.is_full)
                if counts and is_count_due(last.get(one.entity), was_read_whole=whole, now=now):
                    done += _count(connection, key, client, counts, now)
    except Exception as error:
        # Any error ends the counting: if the API is down by now, don't keep calling it.
        log.warning("%s: could not get the API's record counts; the next sync tries again: %s", key, error)
    return done


def endpoint_that_counts(endpoint: Endpoint) -> Endpoint | None:
    """The list with the same scope that can count everything ``endpoint`` returns, or None if there isn't one."""
    fit = [
        one
        for one in endpoints()
        if one.entity == endpoint.entity
        and one.kind is Kind.LIST
        and one.scope == endpoint.scope
        and not one.needs
        and {"includeTotal", "createdBefore", "page", "pageSize"} <= set(one.parameters)
        and {"active", "activeState"} & dict(one.always).keys()
    ]
    has_created = any(field.column == CREATED for field in endpoint.fields)
    return fit[0] if fit and has_created else None


def _count(connection: psycopg.Connection, key: str, client: ServiceTitan, counts: Endpoint, now: datetime) -> int:
    """Store the API's total and return 1, or return 0 if the API gave none."""
    bound = _bound(connection, key, counts.entity)
    if bound is None or not client.is_granted(counts):
        return 0
    given = {"pageSize": "1", "createdBefore": bound.isoformat().replace("+00:00", "Z")}
    page = next(iter(client.pages(counts, given=given)))
    if page.total_count is None:
        log.warning("%s %s: the list returned no total although one was requested", key, counts.entity)
        return 0
    # Counted after the API call. The lock is held, so raw is unchanged since then.
    rows = rows_before(connection, key, endpoint_of(counts.entity), bound)
    count = ApiCount(key, counts.entity, now, bound, page.total_count, rows.created_before, rows.unsure)
    if count.is_off:
        log.warning("%s %s: the API counts %d records, raw has %d", key, counts.entity, count.api_total, count.raw_rows)
    store_count(connection, count)
    return 1


def _bound(connection: psycopg.Connection, key: str, entity: str) -> datetime | None:
    """Records created before this had arrived when the last read ended. None if no read has ended."""
    row = connection.execute(
        "select completed_at from control.cursors where tenant = %s and entity = %s and is_complete", (key, entity)
    ).fetchone()
    return (row[0].astimezone(UTC) - LAG - SLACK).replace(microsecond=0) if row and row[0] else None
