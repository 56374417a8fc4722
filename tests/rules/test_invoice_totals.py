"""rules/invoice_totals.py: how far sums may differ, and what is said where they differ by more.

That each cent is found in tables that dbt built is in tests/defs/test_reports.py.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.rules.findings import Severity
from st_pipeline.rules.invoice_totals import RELATIVE_ERROR, InvoiceTotals, find_lost_totals, read_invoice_totals
from st_pipeline.steps.step import Do
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


def test_before_the_first_build_there_is_nothing_to_compare(control: psycopg.Connection) -> None:
    assert read_invoice_totals(control) == []
