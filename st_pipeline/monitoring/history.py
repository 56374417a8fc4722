"""The history of syncs: a row when one starts, its entities and calls when it ends; status reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

import psycopg

from st_pipeline.servicetitan.calls import CallCount


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """What one sync did for one entity; counts are of records unless they say otherwise."""

    entity: str
    outcome: str
    fetched: int = 0
    landed: int = 0
    loaded: int = 0
    quarantined_whole: int = 0
    quarantined_fields: int = 0
    deleted: int = 0
    files: int = 0
    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    api_total: int | None = None
    detail: str | None = None


def start(connection: psycopg.Connection, tenant: str, run_id: str | None, now: datetime, *, full: bool) -> int:
    """The id of a new sync."""
    row = connection.execute(
        "insert into control.syncs (tenant, run_id, is_full, started_at) values (%s, %s, %s, %s) returning id",
        (tenant, run_id, full, now),
    ).fetchone()
    assert row
    return row[0]


def finish(
    connection: psycopg.Connection,
    sync_id: int,
    tenant: str,
    now: datetime,
    *,
    error: str | None,
    entities: Iterable[EntityRecord],
    calls: Iterable[CallCount],
) -> None:
    """The sync ended, with or without an error; all of it in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "update control.syncs set finished_at = %s, outcome = %s, error = %s where id = %s",
            (now, "failed" if error else "succeeded", error, sync_id),
        )
        cursor.executemany(
            """
            insert into control.sync_entities (sync_id, entity, outcome, fetched, landed, loaded, quarantined_whole,
                quarantined_fields, deleted, files, pages, bytes, seconds, api_total, detail)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [(sync_id, *astuple(entity)) for entity in entities],
        )
        cursor.executemany(
            """
            insert into control.api_calls
                (sync_id, tenant, operation, status, calls, retries, bytes, seconds, slowest, buckets)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    sync_id,
                    tenant,
                    c.operation,
                    c.status,
                    c.calls,
                    c.retries,
                    c.bytes,
                    c.seconds,
                    c.slowest,
                    list(c.buckets),
                )
                for c in calls
            ],
        )
