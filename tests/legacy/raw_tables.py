"""Insert and change records in the raw tables, as the API sends them: what the loader does, but one row at a time.

Small and slow on purpose: the loader has its own tests; these tests are about what is built from its tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Field, FieldType

from .records import Record
from .reference import Tenant
from .reference_text import storable


def register(connection: psycopg.Connection, tenant: Tenant, number: int) -> None:
    """Register a tenant, or update its attributes."""
    connection.execute(
        """
        insert into control.tenants
            (key, name, tenant_id, environment, company_code, trade, timezone, cadence, status_detail)
        values (%(key)s, %(key)s, %(number)s, 'sandbox', %(code)s, %(trade)s, %(zone)s, 'nightly', '')
        on conflict (key) do update set
            company_code = excluded.company_code, trade = excluded.trade, timezone = excluded.timezone
        """,
        {
            "key": tenant.key,
            "number": number,
            "code": tenant.company_code,
            "trade": tenant.trade,
            "zone": tenant.timezone,
        },
    )


def load(connection: psycopg.Connection, tenant: str, entity: str, records: Sequence[Record]) -> None:
    """Upsert records; a row that was marked deleted is restored."""
    fields = endpoint(entity).fields
    columns = [sql.Identifier(name) for name in ("tenant", *(field.column for field in fields), "_landed_at")]
    statement = sql.SQL(
        """
        insert into {table} ({columns})
        select {columns} from jsonb_populate_recordset(null::{table}, %s)
        on conflict (tenant, id) do update set {updates}, _deleted_at = null
        """
    ).format(
        table=sql.Identifier("raw", entity),
        columns=sql.SQL(", ").join(columns),
        updates=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(column) for column in columns),
    )
    landed = {"tenant": tenant, "_landed_at": datetime.now(UTC).isoformat()}
    rows = [landed | {field.column: _value(record, field) for field in fields} for record in records]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(statement, [Jsonb(rows)])
        _note(cursor, tenant, entity)


def delete(connection: psycopg.Connection, tenant: str, entity: str, ids: Iterable[int]) -> None:
    """Mark records as deleted."""
    with connection.transaction(), connection.cursor() as cursor:
        statement = "update {} set _deleted_at = now() where tenant = %s and id = any(%s)"
        cursor.execute(sql.SQL(statement).format(sql.Identifier("raw", entity)), (tenant, list(ids)))
        _note(cursor, tenant, entity)


def _note(cursor: psycopg.Cursor, tenant: str, entity: str) -> None:
    cursor.execute(
        """
        insert into control.raw_loads (tenant, entity, changed_at) values (%s, %s, clock_timestamp())
        on conflict (tenant, entity) do update set changed_at = excluded.changed_at
        """,
        (tenant, entity),
    )


def _value(record: Record, field: Field) -> Any:
    value: Any = record
    for name in field.path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return None
    if field.type is FieldType.TEXT:
        return storable(value)
    if field.type is FieldType.NUMERIC:
        try:
            return str(Decimal(str(value).strip()))
        except InvalidOperation:
            return None
    if field.type is FieldType.TIMESTAMPTZ:
        return _cut(value)
    return value


def _cut(instant: str) -> str:
    """Cut further digits: Postgres would round a seventh digit, and turn 59.9999999 s into the next minute."""
    seconds, dot, fraction = instant.removesuffix("Z").partition(".")
    return f"{seconds}{dot}{fraction[:6]}Z"
