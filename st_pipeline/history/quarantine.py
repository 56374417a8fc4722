"""A tenant's quarantine: counts by entity and field, and the records with their reasons.

Typing (landing/) decides what goes there; completeness.py has the rule about too many entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row

LONGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class QuarantineCount:
    """An entity's quarantine: records left out whole, and records with fields that became null."""

    entity: str
    whole: int
    fields: int
    newest_at: datetime


class Place(NamedTuple):
    """A record's location: its file and row."""

    file_id: int
    row_number: int


class Reason(NamedTuple):
    """Why a record is here. ``field`` is the column that became null; None: the whole record is left out."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """One record with all its problems; ``record`` is the JSON as the API sent it."""

    place: Place
    entity: str
    record_id: int | None
    record: str
    noted_at: datetime
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Records, the newest first; ``next`` continues after the last one, None: no more."""

    records: list[QuarantinedRecord]
    next: Place | None


def read_counts(connection: psycopg.Connection[Any], tenant: str) -> list[QuarantineCount]:
    """Counts by entity, for entities that have any."""
    with connection.cursor(row_factory=class_row(QuarantineCount)) as cursor:
        return cursor.execute(
            """
            select entity, count(*) filter (where field is null) as whole, count(field) as fields,
                max(noted_at) as newest_at
            from control.quarantine where tenant = %s group by entity order by entity
            """,
            (tenant,),
        ).fetchall()


def read_records(
    connection: psycopg.Connection[Any],
    tenant: str,
    *,
    entity: str | None = None,
    after: Place | None = None,
    limit: int = 50,
) -> QuarantinePage:
    """At most ``limit`` records of a tenant or of one of its entities, starting ``after`` the previous page."""
    limit = max(1, min(limit, LONGEST_PAGE))
    rows = connection.execute(
        """
        select file_id, row_number, entity, record_id, record, noted_at,
            array_agg(array[field, reason] order by field nulls first)
        from control.quarantine
        where tenant = %(tenant)s and (%(entity)s::text is null or entity = %(entity)s)
          and (%(file)s::bigint is null or (file_id, row_number) < (%(file)s, %(row)s))
        group by file_id, row_number, entity, record_id, record, noted_at
        order by file_id desc, row_number desc limit %(limit)s
        """,
        {
            "tenant": tenant,
            "entity": entity,
            "file": after.file_id if after else None,
            "row": after.row_number if after else None,
            "limit": limit + 1,
        },
    ).fetchall()
    records = [
        QuarantinedRecord(Place(file_id, row), entity, record_id, record, noted_at, [Reason(*one) for one in reasons])
        for file_id, row, entity, record_id, record, noted_at, reasons in rows[:limit]
    ]
    return QuarantinePage(records, records[-1].place if len(rows) > limit else None)
