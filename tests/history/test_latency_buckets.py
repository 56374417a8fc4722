from __future__ import annotations

from itertools import zip_longest

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from st_pipeline.history.latency_buckets import add_buckets, sum_buckets
from st_pipeline.servicetitan.calls import BOUNDS

LENGTH = len(BOUNDS) + 1
BUCKETS = st.lists(st.integers(0, 10**9), max_size=LENGTH)


def by_hand(rows: list[list[int]]) -> list[int]:
    return [sum(column) for column in zip_longest(*rows, [0] * LENGTH, fillvalue=0)]


@settings(max_examples=30)
@given(rows=st.lists(BUCKETS, max_size=5))
def test_rows_are_summed_bucket_by_bucket(control: psycopg.Connection, rows: list[list[int]]) -> None:
    with control.transaction(force_rollback=True), control.cursor() as cursor:
        cursor.execute("create temporary table rows_ (buckets integer[])")
        cursor.executemany("insert into rows_ values (%s::integer[])", [(row,) for row in rows])
        query = sql.SQL("select {} from rows_").format(sum_buckets(sql.Identifier("rows_", "buckets")))
        assert cursor.execute(query).fetchone() == (by_hand(rows),)


@settings(max_examples=20)
@given(one=BUCKETS, other=BUCKETS)
def test_two_arrays_are_added_bucket_by_bucket(control: psycopg.Connection, one: list[int], other: list[int]) -> None:
    query = sql.SQL("select {} from (select %s::bigint[] as a, %s::bigint[] as b) both_").format(
        add_buckets(sql.Identifier("a"), sql.Identifier("b"))
    )
    assert control.execute(query, (one, other)).fetchone() == (by_hand([one, other]),)
