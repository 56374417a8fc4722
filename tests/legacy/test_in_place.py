"""The tables that others use stay as they are: what others attach to them, and what the consumer did with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from st_pipeline.postgres import Database, connect

from . import raw_tables
from .conftest import Dbt, dbt_for
from .reference import Tenant

ACME = Tenant("acme-plumbing", "SM000250", "Plumbing", "America/Chicago")
BOLT = Tenant("bolt-electric", "SM000777", "Electrical", "America/Phoenix")
ADDRESS = {"street": "12 Main St", "city": "Austin", "state": "TX", "zip": "78701"}
QUICK = ("--vars", "{lock_timeout: 100ms, lock_attempts: 2}")


def customer(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "name": name, "address": ADDRESS}


def invoice(number: int, total: str, **more: Any) -> dict[str, Any]:
    customer = {"id": number, "name": f"Customer {number}"}
    return {"id": number, "total": total, "customer": customer, "locationAddress": ADDRESS, **more}


@pytest.fixture(scope="module")
def own(new_warehouse: Callable[[], Database]) -> Database:
    return new_warehouse()


@pytest.fixture(scope="module")
def there(own: Database) -> Iterator[psycopg.Connection]:
    with connect(own, application="tests of tables that stay", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def run(own: Database, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    return dbt_for(own, tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="module")
def built(there: psycopg.Connection, run: Dbt) -> psycopg.Connection:
    """Two tenants with six invoices and six customers each, one of them rejected; built once."""
    for number, tenant in enumerate([ACME, BOLT], start=1):
        raw_tables.register(there, tenant, number)
        raw_tables.load(there, tenant.key, "crm_customers", [customer(n, f"Customer {n}") for n in range(1, 7)])
        rejected = invoice(6, "5.00", locationAddress=None)
        raw_tables.load(
            there, tenant.key, "accounting_invoices", [*(invoice(n, "5.00") for n in range(1, 6)), rejected]
        )
    run("run", "--quiet")
    return there


def everything(connection: psycopg.Connection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select * from {table} order by 1, 2, 3".encode()).fetchall()


def numbers(connection: psycopg.Connection, code: str = "SM000250") -> dict[str, int]:
    """Invoice number -> id of the row."""
    return dict(
        connection.execute(
            "select invoice_number, id from legacy.invoices_stream where tenant = %s", (code,)
        ).fetchall()
    )


def test_what_others_attached_and_what_the_consumer_did_survives_a_build(built: psycopg.Connection, run: Dbt) -> None:
    built.execute("create role a_reader")
    for table in ("legacy.invoices_stream", "legacy.members_stream", "legacy.rejected_rows", "marts.invoices"):
        short = table.replace(".", "_")
        built.execute(f"create view public.{short} as select * from {table}".encode())
        built.execute(f"create materialized view public.{short}_held as select * from {table}".encode())
        built.execute(f"create index {short}_theirs on {table} (tenant)".encode())
        built.execute(f"grant select on {table} to a_reader".encode())
    built.execute("create view public.theirs as select * from staging.stg_accounting_invoices")
    built.execute(
        "update legacy.invoices_stream set processed = true, hub_plus_import_id = 7 where invoice_number = '1'"
    )
    built.execute("update legacy.members_stream set version = 'theirs' where customer_id = '2'")
    built.execute("delete from legacy.invoices_stream where invoice_number = '2'")
    built.execute("delete from legacy.members_stream where customer_id = '3'")
    built.execute("create table ddl (tag text, object text)")
    built.execute(
        """
        create function keep_ddl() returns event_trigger language plpgsql as $$ begin
            insert into public.ddl select command_tag, object_identity from pg_event_trigger_ddl_commands()
            where schema_name in ('legacy', 'marts', 'staging');
        end $$;
        create event trigger ddl on ddl_command_end execute function keep_ddl();
        """
    )
    tables = ("legacy.invoices_stream", "legacy.members_stream", "legacy.rejected_rows")
    before = {table: everything(built, table) for table in tables}
    # Others have new rows: those who look at theirs keep what they have.
    raw_tables.load(built, BOLT.key, "crm_customers", [customer(7, "New Here")])
    run("run", "--quiet")
    built.execute("drop event trigger ddl")
    assert built.execute("select * from ddl").fetchall() == []
    described = "select count(*) from pg_description where objoid = to_regclass(%s) and objsubid > 0"
    assert built.execute(described, ("legacy.invoices_stream",)).fetchone() == (27,)
    assert built.execute(described, ("marts.invoices",)).fetchone() != (0,)
    after = {table: everything(built, table) for table in tables}
    assert [row for row in after["legacy.members_stream"] if row not in before["legacy.members_stream"]] != []
    for table in tables:
        assert [row for row in before[table] if row not in after[table]] == []
    assert after["legacy.invoices_stream"] == before["legacy.invoices_stream"]
    assert built.execute("select count(*) from legacy_invoices_stream").fetchone() == (8,)
    assert built.execute("select count(*) from theirs").fetchone() == (12,)
    granted = "select count(*) from information_schema.role_table_grants where grantee = 'a_reader'"
    assert built.execute(granted).fetchone() == (4,)
    indexes = "select count(*) from pg_indexes where indexname like '%_theirs'"
    assert built.execute(indexes).fetchone() == (4,)


def test_a_row_that_the_consumer_deleted_comes_back_with_other_content_only(
    built: psycopg.Connection, run: Dbt
) -> None:
    before = numbers(built)
    built.execute("delete from legacy.invoices_stream where tenant = 'SM000250' and invoice_number in ('3', '4')")
    raw_tables.load(built, ACME.key, "accounting_invoices", [invoice(3, "9.00"), invoice(5, "9.00")])
    run("run", "--quiet")
    now = numbers(built)
    assert now["1"] == before["1"]
    assert "4" not in now
    assert min(now["3"], now["5"]) > max(before.values()), "other content, another id"
    assert built.execute("select processed from legacy.invoices_stream where id = %s", (now["1"],)).fetchone() == (
        True,
    )
    raw_tables.delete(built, ACME.key, "accounting_invoices", [3])
    run("run", "--quiet")
    assert "3" not in numbers(built)


def test_rejected_rows_follow_the_reports(built: psycopg.Connection, run: Dbt) -> None:
    query = "select tenant, source_id, reason from legacy.rejected_rows where tenant = 'SM000250'"
    assert built.execute(query).fetchall() == [
        ("SM000250", "6", "Street is Empty, City is Empty, State is Empty, Zip Code is Empty")
    ]
    raw_tables.load(built, ACME.key, "accounting_invoices", [invoice(6, "5.00"), invoice(5, "n/a")])
    run("run", "--quiet")
    assert built.execute(query).fetchall() == [("SM000250", "5", "Invoice Amount is Invalid")]
    assert {"6"} <= set(numbers(built))
    assert "5" not in numbers(built)


def test_a_session_that_reads_holds_no_build_up_and_one_that_writes_is_named(
    built: psycopg.Connection, own: Database, run: Dbt
) -> None:
    before = numbers(built)
    with connect(own, application="a dashboard") as reader, connect(own, application="the ingestion") as writer:
        assert reader.execute("select count(*) from legacy.invoices_stream").fetchone()
        raw_tables.load(built, ACME.key, "accounting_invoices", [invoice(1, "11.00")])
        run("run", "--quiet", *QUICK)
        assert numbers(built)["1"] > before["1"], "the reader is still in its transaction"
        writer.execute("delete from legacy.invoices_stream where tenant = 'SM000250'")
        raw_tables.load(built, ACME.key, "accounting_invoices", [invoice(1, "12.00")])
        with pytest.raises(AssertionError) as raised:
            run("run", *QUICK)
        said = str(raised.value)
        assert "legacy.invoices_stream is locked by process" in said
        assert 'application "the ingestion", idle in transaction since' in said
        assert "a dashboard" not in said, "who only reads holds nobody up"
        writer.rollback()
    run("run", "--quiet")
    query = "select total from legacy.invoices_stream where invoice_number = '1' and tenant = 'SM000250'"
    assert built.execute(query).fetchone() == (12.0,)


def test_a_table_of_an_older_version_keeps_its_rows_and_what_was_deleted_stays_deleted(
    built: psycopg.Connection, run: Dbt
) -> None:
    """Before there was a memory of what was put into a stream."""
    built.execute("delete from legacy.invoices_stream where tenant = 'SM000777' and invoice_number = '4'")
    before = everything(built, "legacy.invoices_stream")
    built.execute("truncate intermediate.built, intermediate.built_rows")
    run("run", "--quiet")
    assert everything(built, "legacy.invoices_stream") == before


def test_a_tenant_whose_time_zone_is_unknown_keeps_its_rows_until_it_is_corrected(
    built: psycopg.Connection, run: Dbt
) -> None:
    tables = ("legacy.invoices_stream", "legacy.members_stream", "marts.invoices", "marts.customers")
    before = {table: everything(built, table) for table in tables}
    built.execute("update control.tenants set timezone = 'Nowhere/Atlantis' where key = %s", (ACME.key,))
    raw_tables.load(built, ACME.key, "accounting_invoices", [invoice(1, "77.00")])
    run("build", "--quiet")
    assert {table: everything(built, table) for table in tables} == before
    built.execute("update control.tenants set timezone = 'America/Chicago' where key = %s", (ACME.key,))
    run("run", "--quiet")
    query = "select total from legacy.invoices_stream where invoice_number = '1' and tenant = 'SM000250'"
    assert built.execute(query).fetchone() == (77.0,)


def test_a_column_of_another_type_is_refused_with_its_name(built: psycopg.Connection, run: Dbt) -> None:
    built.execute("alter table legacy.rejected_rows drop column reason cascade, add column reason varchar(400)")
    with pytest.raises(AssertionError, match=r"rejected_rows.*reason.* has type character varying.* should have text"):
        run("run", "--select", "rejected_rows")


def test_a_column_that_is_missing_is_added_and_filled(built: psycopg.Connection, run: Dbt) -> None:
    """As after an upgrade to a version with one more column."""
    before = everything(built, "legacy.rejected_rows")
    built.execute("alter table legacy.rejected_rows drop column reason")
    built.execute("alter table legacy.members_stream drop column zip cascade")
    run("run", "--quiet", "--select", "legacy")
    assert len(everything(built, "legacy.rejected_rows")) == len(before)
    assert built.execute("select count(*) from legacy.rejected_rows where reason is null").fetchone() == (0,)
    assert built.execute("select distinct zip from legacy.members_stream").fetchall() == [("78701",)]
