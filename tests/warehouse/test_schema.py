"""Raw tables follow the catalog: created, widened and documented from it, and otherwise never changed."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType
from st_pipeline.warehouse.schema import SchemaConflict, columns, ensure_tables
from tests.landing.invoices import INVOICES

COLOUR = Field(("colour",), "colour", FieldType.TEXT, "what it's painted with")


@pytest.fixture
def connection(control: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Raw without tables."""
    control.execute("drop schema raw cascade")
    control.execute("create schema raw")
    yield control


def columns_of(connection: psycopg.Connection, entity: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute "
            "where attrelid = ('raw.' || %s)::regclass and attnum > 0 and not attisdropped order by attnum", (entity,)
        ).fetchall()
    )  # fmt: skip


def comment_of(connection: psycopg.Connection, column: str) -> str | None:
    row = connection.execute(
        "select col_description(attrelid, attnum) from pg_attribute "
        "where attrelid = 'raw.accounting_invoices'::regclass and attname = %s", (column,)
    ).fetchone()  # fmt: skip
    return row[0] if row else None


def grown(endpoint: Endpoint, *fields: Field) -> Endpoint:
    return dataclasses.replace(endpoint, fields=(*endpoint.fields, *fields))


def test_every_asset_gets_the_columns_of_the_catalogue_with_their_types(connection: psycopg.Connection) -> None:
    ensure_tables(connection, map(endpoint, ASSET_ENTITIES))
    names = {"timestamptz": "timestamp with time zone"}
    for entity in ASSET_ENTITIES:
        expected = {
            "tenant": "text", "id": "bigint",
            **{f.column: f.type.value for f in endpoint(entity).fields if f.column != "id"},
            "_extra": "jsonb", "_version": "bigint", "_landed_at": "timestamptz", "_deleted_at": "timestamptz",
        }  # fmt: skip
        found = columns_of(connection, entity)
        assert found == {name: names.get(type_, type_) for name, type_ in expected.items()}
        assert list(found) == [name for name, _ in columns(endpoint(entity))]


def test_tenant_and_id_are_the_key_and_nothing_else_is_required(connection: psycopg.Connection) -> None:
    ensure_tables(connection, [INVOICES])
    connection.execute("insert into raw.accounting_invoices (tenant, id) values ('a', 1), ('b', 1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("insert into raw.accounting_invoices (tenant, id) values ('a', 1)")


def test_columns_have_comments_from_the_catalog(connection: psycopg.Connection) -> None:
    ensure_tables(connection, [grown(INVOICES, COLOUR)])
    assert comment_of(connection, "colour") == "what it's painted with"
    assert "ticks" in (comment_of(connection, "_version") or "")


def test_a_table_gets_new_catalog_columns_and_keeps_its_rows(connection: psycopg.Connection) -> None:
    ensure_tables(connection, [INVOICES])
    connection.execute("insert into raw.accounting_invoices (tenant, id, summary) values ('a', 1, 's')")
    ensure_tables(connection, [grown(INVOICES, COLOUR)])
    assert comment_of(connection, "colour") == "what it's painted with"
    question = "select id, summary, colour from raw.accounting_invoices"
    assert connection.execute(question).fetchall() == [(1, "s", None)]


def test_a_column_removed_from_the_catalog_stays(connection: psycopg.Connection) -> None:
    ensure_tables(connection, [grown(INVOICES, COLOUR)])
    ensure_tables(connection, [INVOICES])
    assert "colour" in columns_of(connection, INVOICES.entity)


def test_nothing_happens_when_nothing_changed(connection: psycopg.Connection) -> None:
    ensure_tables(connection, [INVOICES])
    before = connection.execute("select xmin, oid, relname from pg_class where relname like 'acc%'").fetchall()
    ensure_tables(connection, [INVOICES])
    assert connection.execute("select xmin, oid, relname from pg_class where relname like 'acc%'").fetchall() == before


def test_a_column_of_another_type_is_a_conflict_with_a_fix_and_nothing_changes(
    connection: psycopg.Connection,
) -> None:
    ensure_tables(connection, [grown(INVOICES, COLOUR)])
    wanted = grown(
        INVOICES, dataclasses.replace(COLOUR, type=FieldType.BIGINT), dataclasses.replace(COLOUR, column="x")
    )
    with pytest.raises(SchemaConflict, match=r"invoices.colour is text, .* bigint\. Rename .*colour_old"):
        ensure_tables(connection, [endpoint("jpm_jobs"), wanted])
    assert "x" not in columns_of(connection, INVOICES.entity)
    assert connection.execute("select to_regclass('raw.jpm_jobs')").fetchone() == (None,)
    connection.execute("alter table raw.accounting_invoices rename column colour to colour_old")
    ensure_tables(connection, [wanted])
    assert columns_of(connection, INVOICES.entity)["colour"] == "bigint"


def test_two_processes_can_widen_at_the_same_time(connection: psycopg.Connection, warehouse: Database) -> None:
    errors: list[BaseException] = []

    def widen() -> None:
        try:
            with postgres.connect(warehouse, autocommit=True) as own:
                ensure_tables(own, map(endpoint, ASSET_ENTITIES[:4]))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=widen) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert columns_of(connection, ASSET_ENTITIES[0])
