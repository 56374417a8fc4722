"""What is in quarantine of one tenant: counts by entity and field, and the records with why they are there.

What goes there is decided where records are typed (landing/); the rule about too much of it is completeness.py.
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
    """What of an entity is in quarantine: records kept out whole, records with fields that became null."""

    entity: str
    whole: int
    fields: int
    newest_at: datetime


class Place(NamedTuple):
    """Where a record was: its file and its row there."""

    file_id: int
    row_number: int


class Reason(NamedTuple):
    """Why. ``field`` is the column that became null; None: the record is kept out whole."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """One record with all that is wrong with it; ``record`` is the JSON as it was sent."""

    place: Place
    entity: str
    record_id: int | None
    record: str
    noted_at: datetime
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Records, those that came last first; ``next`` goes on after the last of them, None: there are no more."""

    records: list[QuarantinedRecord]
    next: Place | None


def read_counts(connection: psycopg.Connection[Any], tenant: str) -> list[QuarantineCount]:
    """By entity, those that have any."""
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
    """At most ``limit`` records of a tenant, or of one entity of it; those ``after`` where a page ended."""
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
