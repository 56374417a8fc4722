"""Add up latency buckets in SQL. servicetitan/calls.py defines the buckets.

Uses one expression per bucket: for thousands of rows, that is ten times as fast as unnesting the arrays.
"""

from __future__ import annotations

from psycopg import sql

from st_pipeline.servicetitan.calls import BOUNDS

_ALL = range(1, len(BOUNDS) + 2)


def sum_buckets(column: sql.Composable) -> sql.Composable:
    """An array column summed bucket by bucket over the rows of a group; all 0 for no rows."""
    each = sql.SQL(", ").join(sql.SQL("coalesce(sum({}[{}]), 0)").format(column, sql.Literal(n)) for n in _ALL)
    return sql.SQL("array[{}]::bigint[]").format(each)


def add_buckets(one: sql.Composable, other: sql.Composable) -> sql.Composable:
    """The sum of two arrays in a row, bucket by bucket."""
    each = sql.SQL(", ").join(
        sql.SQL("coalesce({}[{}], 0) + coalesce({}[{}], 0)").format(one, sql.Literal(n), other, sql.Literal(n))
        for n in _ALL
    )
    return sql.SQL("array[{}]::bigint[]").format(each)
