"""sandbox/world/accounting.py: invoices whose parts add up, and payments of whole totals."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world.accounting import invoices, money, payments
from st_pipeline.sandbox.world.plan import Plan

from .conftest import Records


@given(st.integers(-(10**9), 10**9), st.sampled_from([2, 4]))
@example(-5, 2)
@example(0, 4)
def test_an_amount_is_a_string_of_the_same_value_with_its_digits(cents: int, digits: int) -> None:
    text = money(cents, digits)
    assert Decimal(text) == Decimal(cents) / 100
    assert len(text.partition(".")[2]) == digits


def test_every_reference_of_an_invoice_exists(held: Records) -> None:
    without_job = 0
    for invoice in held["accounting_invoices"].values():
        customer = held["crm_customers"][invoice["customer"]["id"]]
        assert invoice["businessUnit"]["id"] in held["settings_business_units"]
        if invoice["location"]:
            assert held["crm_locations"][invoice["location"]["id"]]["customerId"] == customer["id"]
        if invoice["job"]:
            job = held["jpm_jobs"][invoice["job"]["id"]]
            assert (job["invoiceId"], job["customerId"]) == (invoice["id"], customer["id"])
            assert job["jobNumber"] == invoice["job"]["number"]
            assert held["jpm_job_types"][job["jobTypeId"]]["name"] == invoice["job"]["type"]
        else:
            without_job += 1
        if invoice.get("adjustmentToId"):
            assert invoice["adjustmentToId"] in held["accounting_invoices"]
    assert without_job


def test_items_add_up_to_the_subtotal_and_with_tax_to_the_total(held: Records) -> None:
    for invoice in held["accounting_invoices"].values():
        subtotal = sum(Decimal(item["total"]) for item in invoice["items"])
        assert subtotal == Decimal(invoice["subTotal"])
        if invoice["total"] is not None:
            assert Decimal(invoice["total"]) == subtotal + Decimal(invoice["salesTax"])


def test_accountings_amounts_are_strings_and_others_are_numbers(held: Records) -> None:
    for invoice in held["accounting_invoices"].values():
        assert isinstance(invoice["subTotal"], str)
        assert isinstance(invoice["balance"], str)
    assert all(isinstance(p["total"], str) for p in held["accounting_payments"].values())
    assert all(isinstance(p["typeId"], str) for p in held["accounting_payments"].values())
    assert all(isinstance(c["balance"], int | float) for c in held["crm_customers"].values())


def test_a_payment_pays_the_whole_of_its_invoice_which_has_nothing_left_to_pay(plan: Plan) -> None:
    made = {record["id"]: record for record, *_ in invoices(plan, seeded("i"), range(plan.visits))}
    paid = [record for record, *_ in payments(plan, seeded("p"), range(plan.visits))]
    assert 0 < len(paid) < len(made)
    for payment in paid:
        (applied,) = payment["appliedTo"]
        invoice = made.pop(applied["appliedTo"])
        assert Decimal(payment["total"]) == Decimal(applied["appliedAmount"]) == Decimal(invoice["total"])
        assert Decimal(invoice["balance"]) == 0
        assert invoice["paidOn"]
        assert payment["customer"]["id"] == invoice["customer"]["id"]
    for unpaid in made.values():
        assert unpaid["paidOn"] is None
        assert Decimal(unpaid["balance"]) == Decimal(unpaid["total"])


def test_every_third_visit_is_taxed_and_says_so(plan: Plan) -> None:
    for record, *_ in invoices(plan, seeded("i"), range(plan.visits)):
        tax = Decimal(record["salesTax"])
        assert bool(tax) == bool(record["salesTaxCode"]) == bool(record["taxZoneId"])
        assert tax == round(Decimal(record["subTotal"]) * Decimal("0.0825"), 2) or not tax
