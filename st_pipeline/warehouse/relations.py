"""Columns and row count of a table or view in any schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Column:
    """``type`` is written the way Postgres writes it: ``numeric(38,19)``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Relation:
    """``rows`` is None for a view, which would have to be computed."""

    columns: tuple[Column, ...]
    rows: int | None


def describe(connection: psycopg.Connection[Any], schema: str, name: str) -> Relation | None:
    """The table or view, or None if there is none with that name."""
    columns = connection.execute(
        """
        select c.relkind = 'r', a.attname, format_type(a.atttypid, a.atttypmod)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relname = %s and c.relkind in ('r', 'v')
        order by a.attnum
        """,
        (schema, name),
    ).fetchall()
    if not columns:
        return None
    rows = None
    if columns[0][0]:
        counted = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))).fetchone()
        rows = counted and counted[0]
    return Relation(tuple(Column(*column) for _, *column in columns), rows)
