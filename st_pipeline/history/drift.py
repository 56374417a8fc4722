"""The rows of ``control.drift``: fields of a tenant's records that the catalogue does not know, or that are gone.

Which of them somebody is told of is field_drift.py; what counts as either is decided where records land.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class DriftedField:
    """One field of an entity; instants are aware."""

    entity: str
    field: str
    kind: str
    """``new``: it is sent and unknown, and kept in ``_extra``. ``missing``: no record of a batch had it."""
    first_seen_at: datetime
    last_seen_at: datetime


def read_drift(connection: psycopg.Connection[Any], tenant: str) -> list[DriftedField]:
    """All of a tenant, by entity; of each the new ones before the missing ones, by name."""
    with connection.cursor(row_factory=class_row(DriftedField)) as cursor:
        return cursor.execute(
            """
            select entity, field, kind, first_seen_at, last_seen_at from control.drift
            where tenant = %s order by entity, kind desc, field
            """,
            (tenant,),
        ).fetchall()
