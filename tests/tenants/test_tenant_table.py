"""The rows of control.tenants: what the table itself refuses, so that no other writer can break a promise."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.tenants import fields, tenant_table
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.model import new_tenant

ROW = {
    "key": "acme",
    "name": "Acme",
    "tenant_id": 1001,
    "environment": "sandbox",
    "timezone": "UTC",
    "cadence": "nightly",
    "status_detail": "",
}


def write(connection: psycopg.Connection[Any], **changes: Any) -> None:
    row = ROW | changes
    names = ", ".join(row)
    values = ", ".join(f"%({name})s" for name in row)
    connection.execute(f"insert into control.tenants ({names}) values ({values})", row)  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize(
    "wrong", [{"key": "Acme"}, {"key": "all"}, {"tenant_id": 0}, {"environment": "staging"}, {"status": "fine"}]
)
def test_the_table_refuses_what_is_no_tenant(connection: psycopg.Connection[Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        write(connection, **wrong)


@settings(max_examples=50)
@given(st.text(alphabet="ab0-A._ \n", min_size=1, max_size=64) | st.just("a" * 64) | st.just("all"))
def test_table_and_code_agree_on_what_a_key_is(connection: psycopg.Connection[Any], key: str) -> None:
    try:
        fields.valid_key(key)
        is_valid = True
    except FieldInvalid:
        is_valid = False
    connection.execute("delete from control.tenants")
    if is_valid:
        write(connection, key=key)
    else:
        with pytest.raises(psycopg.errors.CheckViolation):
            write(connection, key=key)


def test_every_zone_that_is_offered_is_one_that_postgres_knows(connection: psycopg.Connection[Any]) -> None:
    for zone in ("UTC", "America/New_York", "America/Kentucky/Louisville", "Asia/Kolkata", "Pacific/Kiritimati"):
        tenant_table.require_known_zone(connection, "acme", fields.valid_timezone(zone))


def test_a_row_is_a_tenant_again(connection: psycopg.Connection[Any]) -> None:
    tenant = new_tenant(key="acme", tenant_id=1001, environment="sandbox")
    inserted = tenant_table.insert(connection, tenant)
    assert tenant_table.read(connection, "acme") == inserted
    assert tenant_table.read_all(connection) == [inserted]
    assert inserted.environment is fields.Environment.SANDBOX
    assert inserted.granted_scopes == frozenset()
