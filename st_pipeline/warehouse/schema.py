"""Tables in schema raw, created from the catalog and widened when it grows. Columns are never dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import psycopg
from psycopg import sql

from st_pipeline.locks import Lock
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.steps.advised_error import AdvisedError
from st_pipeline.steps.step import Do, Step

KEY_COLUMNS = (("tenant", "text"), ("id", "bigint"))
OWN_COLUMNS = (
    ("_extra", "jsonb"),
    ("_version", "bigint"),
    ("_landed_at", "timestamptz"),
    ("_deleted_at", "timestamptz"),
)
COMMENTS = {
    "_extra": "fields of the record that are not in the catalog, verbatim",
    "_version": "modifiedOn in 100 ns ticks since year 1; the highest version of a record wins",
    "_landed_at": "when the file that the row came from was landed",
    "_deleted_at": "start of the full refresh that no longer returned the record; null while the record exists",
}


class SchemaConflict(AdvisedError):
    """A raw column's type differs from the catalog. The message says what to do."""


def columns(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Column names and types of ``raw.<entity>``, in order."""
    fields = [(field.column, field.type.value) for field in endpoint.fields if field.column != "id"]
    return [*KEY_COLUMNS, *fields, *OWN_COLUMNS]


def ensure_tables(connection: psycopg.Connection, endpoints: Iterable[Endpoint]) -> None:
    """Create or widen each endpoint's raw table in one transaction, so that all columns exist.

    Raises:
        SchemaConflict: a column exists with a different type.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (Lock.SCHEMA,))
        existing: dict[str, dict[str, str]] = {}
        for table, column, type_ in connection.execute(
            """
            select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
            from pg_attribute a join pg_class c on c.oid = a.attrelid
            where c.relnamespace = 'raw'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
            """
        ):
            existing.setdefault(table, {})[column] = type_.replace("timestamp with time zone", "timestamptz")
        for endpoint in endpoints:
            if endpoint.entity in existing:
                _widen(connection, endpoint, existing[endpoint.entity])
            else:
                _create(connection, endpoint)


def _create(connection: psycopg.Connection, endpoint: Endpoint) -> None:
    table = sql.Identifier("raw", endpoint.entity)
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))  # pyright: ignore[reportArgumentType]
        for name, type_ in columns(endpoint)
    )
    connection.execute(sql.SQL("create table {} ({}, primary key (tenant, id))").format(table, definitions))
    _comment(connection, endpoint, {name for name, _ in columns(endpoint)})


def _comment(connection: psycopg.Connection, endpoint: Endpoint, names: Collection[str]) -> None:
    comments = {field.column: field.description for field in endpoint.fields if field.description} | COMMENTS
    for column in comments.keys() & names:
        statement = sql.SQL("comment on column {} is {}")
        where, comment = sql.Identifier("raw", endpoint.entity, column), sql.Literal(comments[column])
        connection.execute(statement.format(where, comment))


def _widen(connection: psycopg.Connection, endpoint: Endpoint, existing: dict[str, str]) -> None:
    new = {name for name, _ in columns(endpoint)} - existing.keys()
    for name, type_ in columns(endpoint):
        if name in new:
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    sql.Identifier("raw", endpoint.entity),
                    sql.Identifier(name),
                    sql.SQL(type_),  # pyright: ignore[reportArgumentType]
                )
            )
        elif existing[name] != type_:
            raise SchemaConflict(
                f"raw.{endpoint.entity}.{name} is {existing[name]}, but the catalog says {type_}",
                Step(Do.RENAME_COLUMN, f"alter table raw.{endpoint.entity} rename column {name} to {name}_old"),
                Step(Do.RELOAD_ALL_TENANTS, endpoint.entity),
            )
    _comment(connection, endpoint, new)
