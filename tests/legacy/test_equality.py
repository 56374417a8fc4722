"""The legacy tables that dbt builds, compared with the reference in plain Python.

Thousands of awkward records, three tenants in three time zones, a first build and incremental ones. The tests run in
order; each continues with the tables of the previous one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from . import raw_tables
from .conftest import Dbt
from .records import Record, make_records
from .reference import Report, Row, Tenant, report

SIZES = {"acme-plumbing": (1_900, 1_900), "bolt-electric": (1_700, 1_700), "cool-air": (1_500, 1_500)}
ACME = Tenant("acme-plumbing", " SM000250\u00a0", "Plumbing", "America/Chicago")
BOLT = Tenant("bolt-electric", None, " Electrical ", "Australia/Adelaide")
COOL = Tenant("cool-air", "SM000777", None, "America/Phoenix")
NEVER_CONNECTED = Tenant("new-here", "SM000999", "Roofing", "Europe/Paris")
NO_MEMBERSHIPS_GRANTED = COOL
UNKNOWN_ZONE = Tenant("lost-at-sea", "SM000404", "HVAC", "Nowhere/Atlantis")


@dataclass
class Warehouse:
    """The raw tables, and a copy of the records in them."""

    connection: psycopg.Connection
    dbt: Dbt
    tenants: dict[str, Tenant] = field(default_factory=dict)
    records: dict[str, dict[str, dict[int, Record]]] = field(default_factory=dict)

    def register(self, tenant: Tenant) -> None:
        number = [*self.tenants, tenant.key].index(tenant.key) + 1
        raw_tables.register(self.connection, tenant, number)
        self.tenants[tenant.key] = tenant

    def load(self, tenant: str, entity: str, records: list[Record]) -> None:
        raw_tables.load(self.connection, tenant, entity, records)
        held = self.records.setdefault(tenant, {}).setdefault(entity, {})
        held.update({record["id"]: record for record in records})

    def delete(self, tenant: str, entity: str, ids: list[int]) -> None:
        raw_tables.delete(self.connection, tenant, entity, ids)
        for id_ in ids:
            self.records[tenant][entity].pop(id_, None)

    def build(self, command: str = "build") -> str:
        return self.dbt(command, "--quiet")

    def expected(self) -> Report:
        """The reference's rows for all tenants."""
        total = Report([], [], [])
        for key, entities in self.records.items():
            tenant = self.tenants.get(key) or Tenant(key, None, None, "UTC")
            if tenant == UNKNOWN_ZONE:
                continue  # no rows rather than rows with the wrong times
            one = report(tenant, {entity: list(held.values()) for entity, held in entities.items()})
            total.invoices.extend(one.invoices)
            total.members.extend(one.members)
            total.rejected.extend(one.rejected)
        return total

    def rows(self, table: str) -> list[Row]:
        """What dbt built, without id and created_at, in column order."""
        cursor = self.connection.execute(sql.SQL("select * from {}").format(sql.Identifier("legacy", table)))
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, values, strict=True)) for values in cursor]
        return [{name: row[name] for name in names if name not in ("id", "created_at")} for row in rows]

    def lasting(self, report: str, tenant: str) -> set[tuple[Any, ...]]:
        """(source id, content, id, created_at) of every row of a report, including rejected ones."""
        table, source = {
            "invoices": ("int_invoice_report", "invoice_id"),
            "members": ("int_member_report", "source_customer_id"),
        }[report]
        query = sql.SQL("select {}, content, id, created_at from {} where tenant = %s").format(
            sql.Identifier(source), sql.Identifier("intermediate", table)
        )
        return set(self.connection.execute(query, (tenant,)))

    def highest_id(self) -> int:
        query = (
            "select max(id) from (select id from legacy.invoices_stream union select id from legacy.members_stream) t"
        )
        (highest,) = self.connection.execute(query).fetchone() or (0,)
        return highest


@pytest.fixture(scope="module")
def built(connection: psycopg.Connection, dbt: Dbt) -> Warehouse:
    """Three tenants with records of the same ids, one without any; built once."""
    warehouse = Warehouse(connection, dbt)
    for seed, tenant in enumerate([ACME, BOLT, COOL], start=1):
        warehouse.register(tenant)
        customers, invoices = SIZES[tenant.key]
        granted = tenant != NO_MEMBERSHIPS_GRANTED
        for entity, records in make_records(seed, customers, invoices, with_memberships=granted).items():
            warehouse.load(tenant.key, entity, records)
            warehouse.delete(tenant.key, entity, [7, 70, 700])
    warehouse.register(UNKNOWN_ZONE)
    for entity, records in make_records(4, 50, 50).items():
        warehouse.load(UNKNOWN_ZONE.key, entity, records)
    warehouse.register(NEVER_CONNECTED)
    said = warehouse.build()
    assert said.strip() == "", said
    return warehouse


def assert_equal(warehouse: Warehouse) -> None:
    """Assert that every table equals the reference in both directions, including duplicates."""
    expected = warehouse.expected()
    for table, rows in [
        ("invoices_stream", expected.invoices),
        ("members_stream", expected.members),
        ("rejected_rows", expected.rejected),
    ]:
        there, wanted = (Counter(tuple(row.items()) for row in part) for part in (warehouse.rows(table), rows))
        missing, surplus = wanted - there, there - wanted
        assert not missing and not surplus, (
            f"{table}: {missing.total()} missing, {surplus.total()} too many, for example\n"
            f"{next(iter(missing), None)}\n{next(iter(surplus), None)}"
        )


def test_the_generated_records_reach_every_rule(built: Warehouse) -> None:
    expected = built.expected()
    assert sum(invoices for _, invoices in SIZES.values()) > 5_000
    assert min(len(expected.invoices), len(expected.members), len(expected.rejected)) > 1_000
    reasons = {reason for row in expected.rejected for reason in row["reason"].split(", ")}
    assert len(reasons) == 6
    for rows in (expected.invoices, expected.members):
        constant = {"software", "processed", "hub_plus_import_id", "version"}
        for column in rows[0].keys() - constant:
            assert len({row[column] for row in rows}) > 1, column


def test_the_first_build_equals_the_reference(built: Warehouse) -> None:
    assert_equal(built)


def test_the_columns_have_the_order_and_types_the_consumer_reads(built: Warehouse) -> None:
    types = {
        "id": "int4",
        "created_at": "timestamptz",
        "total": "float8",
        "processed": "bool",
        "hub_plus_import_id": "int4",
    }
    for table, rows in [("invoices_stream", built.expected().invoices), ("members_stream", built.expected().members)]:
        wanted = [(name, types.get(name, "text")) for name in ["id", "created_at", *rows[0]]]
        found = built.connection.execute(
            "select attname, typname from pg_attribute join pg_type on pg_type.oid = atttypid"
            " where attrelid = %s::regclass and attnum > 0 order by attnum",
            (f"legacy.{table}",),
        ).fetchall()
        assert found == wanted


def test_a_tenant_that_never_connected_has_no_rows(built: Warehouse) -> None:
    tables = ["invoices_stream", "members_stream", "rejected_rows"]
    assert NEVER_CONNECTED.company_code not in {row["tenant"] for table in tables for row in built.rows(table)}


def test_a_build_without_a_change_leaves_every_row_as_it_was(built: Warehouse) -> None:
    before = {(r, t): built.lasting(r, t) for r in ("invoices", "members") for t in SIZES}
    versions = built.connection.execute("select xmin::text from intermediate.int_invoice_report").fetchall()
    built.build("run")
    assert before == {(r, t): built.lasting(r, t) for r in ("invoices", "members") for t in SIZES}
    # Not even rewritten: the rows have the transaction that created them.
    assert built.connection.execute("select xmin::text from intermediate.int_invoice_report").fetchall() == versions
    assert_equal(built)


def test_an_incremental_build_equals_the_reference_and_leaves_other_tenants_alone(built: Warehouse) -> None:
    before = {(r, t): built.lasting(r, t) for r in ("invoices", "members") for t in SIZES}
    highest = built.highest_id()
    held = built.records[ACME.key]
    fresh = make_records(99, *SIZES[ACME.key])
    for entity, step in [
        ("accounting_invoices", 10),
        ("crm_customers", 11),
        ("crm_customer_contacts", 12),
        ("jpm_appointments", 13),
        ("memberships_memberships", 14),
    ]:
        built.load(ACME.key, entity, fresh[entity][::step])
        built.delete(ACME.key, entity, sorted(held[entity])[5::97])
    # Deactivated rather than changed, and a deleted one that comes back.
    built.load(ACME.key, "accounting_invoices", [{**held["accounting_invoices"][2], "active": False}])
    built.load(ACME.key, "accounting_invoices", [{"id": 7, "total": "1.00", "summary": "back again"}])
    # A load that started before one that is already built, and committed later.
    built.load(COOL.key, "crm_customers", [{"id": 1, "name": "Late Commit", "address": {"street": "1 Late St"}}])
    built.connection.execute(
        "update control.raw_loads set changed_at = '2020-01-01' where tenant = %s and entity = 'crm_customers'",
        (COOL.key,),
    )
    built.build()
    assert_equal(built)
    for kind in ("invoices", "members"):
        assert built.lasting(kind, BOLT.key) == before[kind, BOLT.key]
        now, then = built.lasting(kind, ACME.key), before[kind, ACME.key]
        unchanged = {row[:2] for row in now} & {row[:2] for row in then}
        assert len(unchanged) > len(then) // 2
        assert {row for row in now if row[:2] in unchanged} == {row for row in then if row[:2] in unchanged}
        # Changed rows have ids that were never used before.
        changed = {row[2] for row in now if row[:2] not in unchanged}
        assert changed
        assert min(changed) > highest


def test_a_changed_registry_a_removed_tenant_and_one_without_its_last_record(built: Warehouse) -> None:
    built.register(replace(BOLT, company_code="SM000111", timezone="Asia/Kolkata"))
    # A tenant that leaves the registry keeps its data; the key then replaces the company code.
    built.connection.execute("delete from control.tenants where key = %s", (ACME.key,))
    del built.tenants[ACME.key]
    for entity, held in built.records[COOL.key].items():
        built.delete(COOL.key, entity, list(held))
    built.build("run")
    assert_equal(built)
    for table in ("invoices_stream", "members_stream", "rejected_rows"):
        assert {row["tenant"] for row in built.rows(table)} == {ACME.key, "SM000111"}
    assert built.lasting("invoices", COOL.key) == set()
