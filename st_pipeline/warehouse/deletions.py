"""Mark rows that a full refresh no longer returned. They are never removed, only marked with ``_deleted_at`` in raw.

The ids that were seen come from the landed files of the full batch. No API calls are made.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Cursor

from st_pipeline import postgres
from st_pipeline.landing.hold import Hold
from st_pipeline.landing.rows import open_rows
from st_pipeline.landing.zone import LandingZone
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.warehouse import arrow_connection, upsert

SEEN = "st_pipeline_seen"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeletionVerdict:
    """The result for a full batch: rows marked as deleted, or why none were marked."""

    marked: int = 0
    refused: str | None = None


def mark_deleted(
    ledger: psycopg.Connection,
    database: postgres.Database,
    zone: LandingZone,
    tenant: str,
    endpoint: Endpoint,
    hold: Hold | None = None,
) -> DeletionVerdict | None:
    """Mark the rows that the last complete full batch didn't return. None if no batch is waiting.

    Call this after loading, while holding the tenant's lock. An empty batch never empties a table, and a batch with
    unreadable ids can't show what is gone. Both are refused with a reason. ``ledger`` is an autocommit connection to
    ``database``, and ``hold`` proves the lock. Raises LockLost if another process has taken it.
    """
    due = ledger.execute(
        "select full_batch from control.cursors where tenant = %s and entity = %s and full_batch is not null",
        (tenant, endpoint.entity),
    ).fetchone()
    if not due:
        return None
    files = ledger.execute(
        "select path, first_row, records, quarantined_whole, landed_at from control.landed_files "
        "where tenant = %s and entity = %s and batch = %s order by id",
        (tenant, endpoint.entity, due[0]),
    ).fetchall()
    whole = sum(count for _, _, _, count, _ in files)
    if not files:
        refused = "the full refresh returned no records, so nothing was marked as deleted"
    elif whole:
        refused = f"{whole} records in the full refresh have no usable id, so nothing was marked as deleted"
    else:
        refused = None
    with arrow_connection.connect(database) as connection, connection.cursor() as cursor:
        marked = returned = 0
        if not refused:
            places, began = [file[:3] for file in files], files[0][4]
            marked, returned = _mark(cursor, zone, tenant, endpoint, places, began)
        if marked or returned:
            cursor.execute(upsert.mark_changed(), (tenant, endpoint.entity))
        cursor.execute(
            "update control.cursors set full_batch = null where tenant = $1 and entity = $2", (tenant, endpoint.entity)
        )
        arrow_connection.check(cursor, hold)
        connection.commit()
    if refused:
        log.warning("%s %s: %s", tenant, endpoint.entity, refused)
    return DeletionVerdict(marked, refused)


def _mark(
    cursor: Cursor,
    zone: LandingZone,
    tenant: str,
    endpoint: Endpoint,
    places: list[tuple[str, int, int]],
    began: datetime,
) -> tuple[int, int]:
    """(rows marked as deleted, rows unmarked). ``places`` has the path, first row, and row count of each file."""
    cursor.execute(f"create temporary table {SEEN} (id bigint) on commit drop")
    for path, first, count in places:
        with open_rows(zone, path, first, count) as rows:
            ids = pa.table({"id": pc.drop_null(rows.column("id"))})
        cursor.adbc_ingest(SEEN, ids, mode="append", temporary=True)
    cursor.execute(f"analyze {SEEN}")
    cursor.execute(
        f"""
        with gone as (
            -- on the landing clock, like _landed_at: the two are compared when a row comes back
            update raw."{endpoint.entity}" r set _deleted_at = $2
            where r.tenant = $1 and r._deleted_at is null and not exists (select from {SEEN} s where s.id = r.id)
                -- rows that landed after the full read started are not affected
                and r._landed_at < $2
            returning 1
        ),
        back as (
            -- the upsert skips a record that comes back in an older version than raw has
            update raw."{endpoint.entity}" r set _deleted_at = null
            where r.tenant = $1 and r._deleted_at < $2 and exists (select from {SEEN} s where s.id = r.id)
            returning 1
        )
        select (select count(*) from gone), (select count(*) from back)
        """,
        (tenant, began),
    )
    marked, returned = cursor.fetchone() or (0, 0)
    return marked, returned
