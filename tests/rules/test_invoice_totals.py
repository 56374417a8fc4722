"""rules/invoice_totals.py: sums of what dbt built, how far they may differ, and what is said if they differ more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline import dbt, postgres
from st_pipeline.postgres import Database
from st_pipeline.rules.findings import Severity
from st_pipeline.rules.invoice_totals import RELATIVE_ERROR, InvoiceTotals, find_lost_totals, read_invoice_totals
from st_pipeline.steps.step import Do
from tests.conftest import NewWarehouse
from tests.legacy import raw_tables
from tests.legacy.records import make_records
from tests.legacy.reference import Tenant
from tests.support.past import NOW

FINE = InvoiceTotals(["acme"], 2, 2, Decimal("100.10"), Decimal("100.10"), Decimal("100.10"))
CENT = Decimal("0.01")
AMOUNTS = st.lists(st.decimals(-(10**9), 10**9, places=4), max_size=50)


@pytest.mark.parametrize(
    ("changes", "is_off"),
    [
        ({}, False),
        ({"in_reports": FINE.in_raw - CENT}, True),
        ({"in_reports": FINE.in_raw + CENT}, True),
        ({"in_reports": FINE.in_raw + Decimal("0.0001")}, True),
        ({"reported": 1}, True),
        ({"invoices": 1}, True),
        ({"in_reports": FINE.in_raw + RELATIVE_ERROR * FINE.magnitude}, False),
        ({"in_raw": Decimal(0), "in_reports": CENT, "magnitude": Decimal(0)}, True),
    ],
)
def test_a_lost_cent_or_invoice_is_off_and_what_a_float_cannot_hold_is_not(
    changes: dict[str, object], is_off: bool
) -> None:
    assert replace(FINE, **changes).is_off is is_off  # pyright: ignore[reportArgumentType]


def total(amounts: list[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


@given(AMOUNTS)
def test_amounts_that_went_through_a_float_column_are_never_off(amounts: list[Decimal]) -> None:
    shown = [Decimal(repr(float(amount))) for amount in amounts]
    magnitude = total([abs(amount) for amount in amounts])
    assert not InvoiceTotals(["acme"], 1, 1, total(amounts), total(shown), magnitude).is_off


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**300), max_value=10**300))
def test_the_error_allowed_covers_any_amount_a_float_holds(amount: Decimal) -> None:
    shown = Decimal(repr(float(amount)))
    if float(amount) == 0 or abs(float(amount)) < 1e-300:
        return
    assert abs(Fraction(amount) - Fraction(shown)) <= Fraction(RELATIVE_ERROR) * abs(Fraction(amount))


def test_each_tenant_behind_a_code_has_its_finding_and_those_in_order_have_none() -> None:
    off = replace(FINE, tenants=["bolt", "cole"], invoices=1200, reported=1199, in_reports=Decimal("99.10"))
    found = list(find_lost_totals([FINE, off], NOW))
    assert [(one.rule, one.tenant, one.severity, one.since) for one in found] == [
        ("reconciliation", tenant, Severity.NOW, NOW) for tenant in ("bolt", "cole")
    ]
    for said in ("1,200 active invoices", "$100.10", "1,199", "$99.10"):
        assert said in found[0].what
    assert [step.do for step in found[0].steps] == [Do.BUILD_REPORTS, Do.COMPARE_INVOICES]
    assert found[0].key != found[1].key
    assert found[0].concerned == ("accounting_invoices",)


def test_a_finding_has_the_same_key_while_the_sums_change() -> None:
    one, later = (replace(FINE, in_reports=Decimal(amount)) for amount in (1, 2))
    assert len({finding.key for finding in find_lost_totals([one, later], NOW)}) == 1


def test_before_the_first_build_there_is_nothing_to_compare(new_warehouse: NewWarehouse) -> None:
    with postgres.connect(new_warehouse(), autocommit=True) as connection:
        assert read_invoice_totals(connection) == []


@pytest.fixture(scope="module")
def built(warehouse: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """Tenants acme and bolt with one company code, and cole; built by dbt."""
    work = str(tmp_path_factory.mktemp("dbt"))
    with postgres.connect(warehouse, autocommit=True) as connection:
        for number, (key, code) in enumerate({"acme": "SM1", "bolt": "SM1", "cole": None}.items(), 1):
            raw_tables.register(connection, Tenant(key, code, "Plumbing", "UTC"), number)
            for entity, records in make_records(number, 30, 40).items():
                raw_tables.load(connection, key, entity, records)
        subprocess.run(
            [dbt.dbt_executable(), "run", "--quiet", "--select", "+invoices_stream", "+rejected_rows",
             "--project-dir", str(dbt.project_folder()), "--profiles-dir", str(dbt.project_folder()),
             "--target-path", work, "--log-path", work],
            env={**os.environ, **dbt.environment(warehouse)}, cwd=work, check=True,
        )  # fmt: skip
        yield connection


def test_tenants_with_one_code_are_compared_together_and_all_of_their_active_invoices_arrive(
    built: psycopg.Connection,
) -> None:
    totals = read_invoice_totals(built)
    assert [one.tenants for one in totals] == [["acme", "bolt"], ["cole"]]
    assert not [one for one in totals if one.is_off]
    assert list(find_lost_totals(totals, NOW)) == []
    active = "select count(*) from raw.accounting_invoices where active is not false and _deleted_at is null"
    assert built.execute(active).fetchone() == (sum(one.invoices for one in totals),)
    assert all(one.reported and one.magnitude >= abs(one.in_raw) for one in totals)


@pytest.mark.parametrize(
    "change",
    [
        "update legacy.invoices_stream set total = total + 0.01 where id = "
        "(select min(id) from legacy.invoices_stream where tenant = 'SM1' and total is not null)",
        "with gone as (delete from legacy.invoices_stream where tenant = 'SM1' returning id) "
        "delete from intermediate.built_rows where id in (select id from gone)",
        "update raw.accounting_invoices set active = false where tenant = 'bolt'",
        "update raw.accounting_invoices set _deleted_at = now() where tenant = 'bolt'",
    ],
)
def test_what_differs_from_what_was_built_is_off_for_the_tenants_of_that_code_alone(
    built: psycopg.Connection, change: str
) -> None:
    with built.transaction(force_rollback=True):
        assert built.execute(change.encode()).rowcount
        totals = read_invoice_totals(built)
    assert [one.tenants for one in totals if one.is_off] == [["acme", "bolt"]]
    assert [finding.tenant for finding in find_lost_totals(totals, NOW)] == ["acme", "bolt"]


def test_rows_that_the_consumer_took_out_of_the_stream_have_arrived(built: psycopg.Connection) -> None:
    with built.transaction(force_rollback=True):
        assert built.execute("delete from legacy.invoices_stream where tenant = 'SM1'").rowcount
        assert [one for one in read_invoice_totals(built) if one.is_off] == []


@pytest.mark.parametrize(("loaded", "left"), [("bolt", [["cole"]]), ("cole", [["acme", "bolt"]])])
def test_a_code_with_a_tenant_that_has_newer_rows_is_left_to_the_next_build(
    built: psycopg.Connection, loaded: str, left: list[list[str]]
) -> None:
    with built.transaction(force_rollback=True):
        built.execute("update control.raw_loads set changed_at = now() where tenant = %s", (loaded,))
        assert [one.tenants for one in read_invoice_totals(built)] == left
