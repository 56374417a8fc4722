"""How many rows raw holds."""

from __future__ import annotations

import psycopg
from psycopg import sql

from st_pipeline.servicetitan.catalogue.model import Endpoint


def present_rows(connection: psycopg.Connection, tenant: str, endpoint: Endpoint) -> int:
    """Rows of a tenant in ``raw.<entity>``, those marked as deleted not among them."""
    statement = sql.SQL("select count(*) from {} where tenant = %s and _deleted_at is null")
    row = connection.execute(statement.format(sql.Identifier("raw", endpoint.entity)), (tenant,)).fetchone()
    assert row
    return row[0]
