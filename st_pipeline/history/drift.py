"""The rows of ``control.drift``: fields that the catalog doesn't know, and catalog fields that are gone.

Landing detects drift; field_drift.py decides what to report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class DriftedField:
    """One field of an entity; instants are timezone-aware."""

    entity: str
    field: str
    kind: str
    """``new``: sent by the API but not in the catalog; kept in ``_extra``. ``missing``: in no record of a batch."""
    first_seen_at: datetime
    last_seen_at: datetime


def read_drift(connection: psycopg.Connection[Any], tenant: str) -> list[DriftedField]:
    """A tenant's drift by entity: new fields before missing ones, by name."""
    with connection.cursor(row_factory=class_row(DriftedField)) as cursor:
        return cursor.execute(
            """
            select entity, field, kind, first_seen_at, last_seen_at from control.drift
            where tenant = %s order by entity, kind desc, field
            """,
            (tenant,),
        ).fetchall()
