"""What happened in one sync, told in order from the rows it left: files landed and loaded, fields that drifted.

Only one sync of a tenant runs at a time, so what was landed of it between start and end is that sync's. How it ended
entity by entity is syncs.py, where the end is also written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline.history.syncs import Sync

MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class Request:
    """That somebody asked for it."""

    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file that the sync landed; ``loaded_at`` None: it is not in raw yet. Counts are of records."""

    entity: str
    landed_at: datetime
    records: int
    pages: int
    bytes: int
    quarantined_whole: int
    loaded_at: datetime | None
    loaded_rows: int | None


@dataclass(frozen=True, slots=True)
class Drifted:
    """Fields of an entity that came or went for the first time."""

    entity: str
    kind: str
    """``new`` or ``missing``."""
    first_seen_at: datetime
    fields: list[str]


@dataclass(frozen=True, slots=True)
class LogEntries:
    """What there is to tell. ``files`` are at most MOST_FILES, the first ones; ``more_files`` are left out."""

    requests: list[Request]
    files: list[FileRow]
    more_files: int
    drift: list[Drifted]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a sync has done for an entity so far: of what landed, what is in raw already."""

    entity: str
    landed: int
    loaded: int
    pages: int


def read_log(connection: psycopg.Connection[Any], sync: Sync, until: datetime) -> LogEntries:
    """What a sync left; one that has not said when it ended is told of up to ``until``."""
    window = {"id": sync.id, "tenant": sync.tenant, "start": sync.started_at, "end": sync.finished_at or until}
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        requests = cursor.execute(
            "select requested_by, requested_at from control.sync_requests where sync_id = %(id)s order by id", window
        ).fetchall()
    with connection.cursor(row_factory=class_row(FileRow)) as cursor:
        files = cursor.execute(
            """
            select entity, landed_at, records, pages, bytes, quarantined_whole, loaded_at, loaded_rows
            from control.landed_files
            where tenant = %(tenant)s and landed_at between %(start)s and %(end)s order by landed_at, id
            """,
            window,
        ).fetchall()
    with connection.cursor(row_factory=class_row(Drifted)) as cursor:
        drift = cursor.execute(
            """
            select entity, kind, first_seen_at, array_agg(field order by field) as fields from control.drift
            where tenant = %(tenant)s and first_seen_at between %(start)s and %(end)s
            group by entity, kind, first_seen_at order by first_seen_at, entity, kind desc
            """,
            window,
        ).fetchall()
    return LogEntries(requests, files[:MOST_FILES], max(0, len(files) - MOST_FILES), drift)


def read_progress(connection: psycopg.Connection[Any], tenant: str, since: datetime) -> list[Progress]:
    """What landed for a tenant ``since`` its sync began, by entity."""
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        return cursor.execute(
            """
            select entity, sum(records)::bigint as landed, coalesce(sum(loaded_rows), 0)::bigint as loaded,
                sum(pages)::bigint as pages
            from control.landed_files where tenant = %s and landed_at >= %s group by entity order by entity
            """,
            (tenant, since),
        ).fetchall()
