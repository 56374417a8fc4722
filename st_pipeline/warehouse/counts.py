"""Row counts in raw: all rows of a tenant, or those created before a point in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from st_pipeline.servicetitan.catalogue.model import Endpoint

CREATED = "created_on"


@dataclass(frozen=True, slots=True)
class RowsBefore:
    """Rows of one entity of a tenant, by creation time. Rows marked as deleted aren't counted."""

    created_before: int
    unsure: int
    """Rows without a usable creation time, plus records quarantined whole since the last full read. Any of them may
    have been created before the bound."""


def present_rows(connection: psycopg.Connection, tenant: str, endpoint: Endpoint) -> int:
    """Rows of a tenant in ``raw.<entity>``, excluding those marked as deleted."""
    statement = sql.SQL("select count(*) from {} where tenant = %s and _deleted_at is null")
    row = connection.execute(statement.format(sql.Identifier("raw", endpoint.entity)), (tenant,)).fetchone()
    assert row
    return row[0]


def rows_before(connection: psycopg.Connection, tenant: str, endpoint: Endpoint, bound: datetime) -> RowsBefore:
    """Rows of a tenant in ``raw.<entity>`` created before ``bound``, excluding those marked as deleted.

    Raises KeyError if the entity's records have no creation time.
    """
    created = sql.Identifier(endpoint.field(CREATED).column)
    counted = connection.execute(
        sql.SQL(
            "select count(*) filter (where {created} < %s), count(*) filter (where {created} is null) "
            "from {table} where tenant = %s and _deleted_at is null"
        ).format(created=created, table=sql.Identifier("raw", endpoint.entity)),
        (bound, tenant),
    ).fetchone()
    whole = connection.execute(
        """
        select coalesce(sum(quarantined_whole), 0)::bigint from control.landed_files
        where tenant = %(tenant)s and entity = %(entity)s and id >= coalesce((
            select max(id) from control.landed_files
            where tenant = %(tenant)s and entity = %(entity)s and n = 0 and cursor_from is null
        ), 0)
        """,
        {"tenant": tenant, "entity": endpoint.entity},
    ).fetchone()
    assert counted
    assert whole
    return RowsBefore(counted[0], counted[1] + whole[0])
