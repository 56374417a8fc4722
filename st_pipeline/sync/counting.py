"""Ask the API how many records it has, beside a sync: exports don't say, but most have a list next to them that does.

Keeping and judging the counts is rules/api_counts.py. A list is asked only where it can be asked for everything
that the export brings: inactive records too, and by time of creation, as what is new comes to exports late. So it is
not asked for:

- ``accounting_invoice_items``: there is no list;
- ``crm_customer_contacts``: its list takes no whole tenant, and does not say whether it has inactive contacts;
- ``jpm_jobs``: its list has no filter for inactive jobs, and does not say whether it has them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psycopg

from st_pipeline import postgres
from st_pipeline.rules.api_counts import ApiCount, is_count_due, read_last_counts, store_count
from st_pipeline.servicetitan.catalogue.loading import endpoint as endpoint_of
from st_pipeline.servicetitan.catalogue.loading import endpoints
from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.sync.outcome import EntityOutcome, Outcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.warehouse.counts import CREATED, rows_before

LAG = timedelta(minutes=15)
"""New records come to exports so late (developer.servicetitan.io, export endpoints)."""
SLACK = timedelta(hours=1)
"""For records that are committed late, with an older time of creation, and for clocks that differ."""

log = logging.getLogger(__name__)


def count_after_sync(
    pipeline: Pipeline, key: str, client: ServiceTitan, outcomes: Iterable[EntityOutcome], now: datetime
) -> int:
    """Count the entities of tenant ``key`` that this sync read and loaded to the end, where a count is due; how many
    were counted.

    One call an entity, after it was read whole, and once a week otherwise. Only for whoever holds the tenant's lock.
    A count that cannot be had fails no sync: nothing is raised, and the next sync asks again.
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
        # Of whatever kind: an API that is gone by now is asked for nothing more.
        log.warning("%s: the API's own counts could not be had this time: %s", key, error)
    return done


def endpoint_that_counts(endpoint: Endpoint) -> Endpoint | None:
    """The list that can count all that ``endpoint`` brings, with the same scope; None where there is none."""
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
    """1 where the API gave a total, which is stored."""
    bound = _bound(connection, key, counts.entity)
    if bound is None or not client.is_granted(counts):
        return 0
    given = {"pageSize": "1", "createdBefore": bound.isoformat().replace("+00:00", "Z")}
    page = next(iter(client.pages(counts, given=given)))
    if page.total_count is None:
        log.warning("%s %s: the list gives no total though it was asked for", key, counts.entity)
        return 0
    # Afterwards: the lock is ours, so raw is as it was when the API counted.
    rows = rows_before(connection, key, endpoint_of(counts.entity), bound)
    count = ApiCount(key, counts.entity, now, bound, page.total_count, rows.created_before, rows.unsure)
    if count.is_off:
        log.warning("%s %s: the API counts %d, raw has %d", key, counts.entity, count.api_total, count.raw_rows)
    store_count(connection, count)
    return 1


def _bound(connection: psycopg.Connection, key: str, entity: str) -> datetime | None:
    """What was created before this had come when the last reading ended; None where none has ended."""
    row = connection.execute(
        "select completed_at from control.cursors where tenant = %s and entity = %s and is_complete", (key, entity)
    ).fetchone()
    return (row[0].astimezone(UTC) - LAG - SLACK).replace(microsecond=0) if row and row[0] else None
