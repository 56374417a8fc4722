"""How many rows raw holds: all of a tenant, or those created before an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from st_pipeline.servicetitan.catalogue.model import Endpoint

CREATED = "created_on"


@dataclass(frozen=True, slots=True)
class RowsBefore:
    """Present rows of an entity of a tenant, by when their records were created."""

    created_before: int
    unsure: int
    """Rows without a usable time of creation, and records that were quarantined whole since all was last read: each may
    have been created before or not."""


def present_rows(connection: psycopg.Connection, tenant: str, endpoint: Endpoint) -> int:
    """Rows of a tenant in ``raw.<entity>``, those marked as deleted not among them."""
    statement = sql.SQL("select count(*) from {} where tenant = %s and _deleted_at is null")
    row = connection.execute(statement.format(sql.Identifier("raw", endpoint.entity)), (tenant,)).fetchone()
    assert row
    return row[0]


def rows_before(connection: psycopg.Connection, tenant: str, endpoint: Endpoint, bound: datetime) -> RowsBefore:
    """Present rows of a tenant in ``raw.<entity>`` whose records were created before ``bound``.

    KeyError where the entity's records have no time of creation.
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
