"""The events of one sync in order, from the rows it left: files landed and loaded, fields that drifted.

Only one sync of a tenant runs at a time, so everything landed between its start and end is its own. syncs.py has the
outcome of each entity and of the sync.
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
    """A request for the sync."""

    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file that the sync landed; ``loaded_at`` None: not in raw yet. Counts are of records."""

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
    """Fields of an entity that appeared or disappeared for the first time."""

    entity: str
    kind: str
    """``new`` or ``missing``."""
    first_seen_at: datetime
    fields: list[str]


@dataclass(frozen=True, slots=True)
class LogEntries:
    """A sync's events. ``files`` are the first MOST_FILES; ``more_files`` is how many are omitted."""

    requests: list[Request]
    files: list[FileRow]
    more_files: int
    drift: list[Drifted]


@dataclass(frozen=True, slots=True)
class Progress:
    """A sync's progress for an entity: what has landed, and how much of it is in raw."""

    entity: str
    landed: int
    loaded: int
    pages: int


def read_log(connection: psycopg.Connection[Any], sync: Sync, until: datetime) -> LogEntries:
    """A sync's events; for a sync without a recorded end, those up to ``until``."""
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
    """What has landed for a tenant ``since`` its sync started, by entity."""
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        return cursor.execute(
            """
            select entity, sum(records)::bigint as landed, coalesce(sum(loaded_rows), 0)::bigint as loaded,
                sum(pages)::bigint as pages
            from control.landed_files where tenant = %s and landed_at >= %s group by entity order by entity
            """,
            (tenant, since),
        ).fetchall()
