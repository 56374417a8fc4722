"""relations.py: tables and views as they are in Postgres."""

from __future__ import annotations

import psycopg

from st_pipeline.warehouse.relations import Column, Relation, describe


def test_a_table_has_its_columns_in_order_with_types_and_its_rows(control: psycopg.Connection) -> None:
    control.execute('create table marts."Odd name" (gone int, id bigint, total numeric(38,19), "At" timestamptz)')
    control.execute('alter table marts."Odd name" drop column gone')
    control.execute('insert into marts."Odd name" select generate_series(1, 3)')
    assert describe(control, "marts", "Odd name") == Relation(
        (
            Column("id", "bigint"),
            Column("total", "numeric(38,19)"),
            Column("At", "timestamp with time zone"),
        ),
        3,
    )


def test_a_views_rows_are_not_counted_and_a_missing_relation_is_none(control: psycopg.Connection) -> None:
    control.execute("create view staging.two as select 1 as id, 'x' as name")
    control.execute("create table marts.two (other int)")
    expected = (Column("id", "integer"), Column("name", "text"))
    assert describe(control, "staging", "two") == Relation(expected, None)
    assert describe(control, "staging", "three") is None
    assert describe(control, "nowhere", "two") is None
