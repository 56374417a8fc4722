"""Adding up latency buckets in SQL; what they are is servicetitan/calls.py.

An expression a bucket: on thousands of rows that is ten times as fast as taking the arrays apart.
"""

from __future__ import annotations

from psycopg import sql

from st_pipeline.servicetitan.calls import BOUNDS

_ALL = range(1, len(BOUNDS) + 2)


def sum_buckets(column: sql.Composable) -> sql.Composable:
    """The sum, bucket by bucket, of an array column over the rows of a group; all 0 over no rows."""
    each = sql.SQL(", ").join(sql.SQL("coalesce(sum({}[{}]), 0)").format(column, sql.Literal(n)) for n in _ALL)
    return sql.SQL("array[{}]::bigint[]").format(each)


def add_buckets(one: sql.Composable, other: sql.Composable) -> sql.Composable:
    """The sum of two arrays of one row, bucket by bucket."""
    each = sql.SQL(", ").join(
        sql.SQL("coalesce({}[{}], 0) + coalesce({}[{}], 0)").format(one, sql.Literal(n), other, sql.Literal(n))
        for n in _ALL
    )
    return sql.SQL("array[{}]::bigint[]").format(each)
