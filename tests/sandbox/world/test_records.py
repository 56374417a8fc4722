import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from st_pipeline.sandbox import Account, Sandbox, Size, World
from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.world import records
from tests.sandbox.conftest import NOW

Records = dict[str, dict[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A tenant of a certain size, with awkward data and later changes."""
    account = Account(1, "c", "s", "k", size=Size(customers=600, invoices=900))
    with Sandbox([account], now=NOW) as sandbox:
        sandbox.change(1, seed=8, edits=200, inactivations=40, additions=40, late=10)
        sandbox.advance(900)
        yield sandbox.world(1)


@pytest.fixture(scope="module")
def held(world: World) -> Records:
    return {one.name: {record["id"]: record for record in world.records(one.name)} for one in entities()}


def test_there_are_as_many_customers_and_invoices_as_requested() -> None:
    account = Account(1, "c", "s", "k", size=Size(customers=37, invoices=53, items_per_invoice=2))
    with Sandbox([account], now=NOW) as sandbox:
        counts = sandbox.world(1).counts()
        assert (counts["crm_customers"], counts["accounting_invoices"]) == (37, 53)
        assert counts["accounting_invoice_items"] == 106


def test_every_entity_has_records_with_unique_ids(world: World, held: Records) -> None:
    for one in entities():
        assert len(held[one.name]) == world.count(one.name) > 0


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


def test_nested_items_and_the_items_export_agree(held: Records) -> None:
    nested = {
        item["id"]: {**item, "invoiceId": invoice["id"]}
        for invoice in held["accounting_invoices"].values()
        for item in invoice["items"]
    }
    exported = {
        item_id: {name: value for name, value in item.items() if name != "active"}
        for item_id, item in held["accounting_invoice_items"].items()
    }
    assert exported == nested


def test_items_add_up_to_the_subtotal_and_with_tax_to_the_total(held: Records) -> None:
    for invoice in held["accounting_invoices"].values():
        subtotal = sum(Decimal(item["total"]) for item in invoice["items"])
        assert subtotal == Decimal(invoice["subTotal"])
        if invoice["total"] is not None:
            assert Decimal(invoice["total"]) == subtotal + Decimal(invoice["salesTax"])


def test_appointments_belong_to_jobs_which_count_them(held: Records) -> None:
    count = Counter(one["jobId"] for one in held["jpm_appointments"].values())
    for job in held["jpm_jobs"].values():
        assert job["appointmentCount"] == count[job["id"]]
        if job["appointmentCount"]:
            assert held["jpm_appointments"][job["firstAppointmentId"]]["jobId"] == job["id"]
            assert held["jpm_appointments"][job["lastAppointmentId"]]["customerId"] == job["customerId"]
    assert set(count) <= set(held["jpm_jobs"])
    assert any(not job["appointmentCount"] for job in held["jpm_jobs"].values())
    assert any(not job["invoiceId"] for job in held["jpm_jobs"].values())


def test_references_of_payments_memberships_contacts_and_people_exist(held: Records) -> None:
    for payment in held["accounting_payments"].values():
        for applied in payment["appliedTo"] or ():
            assert applied["appliedTo"] in held["accounting_invoices"]
        assert payment["customer"]["id"] in held["crm_customers"]
    for membership in held["memberships_memberships"].values():
        assert membership["customerId"] in held["crm_customers"]
        assert membership["membershipTypeId"] in held["memberships_membership_types"]
    assert {c["customerId"] for c in held["crm_customer_contacts"].values()} <= set(held["crm_customers"])
    assert {c["locationId"] for c in held["crm_location_contacts"].values()} <= set(held["crm_locations"])
    assert {c["customerId"] for c in held["crm_locations"].values()} <= set(held["crm_customers"])
    for technician in held["settings_technicians"].values():
        assert technician["businessUnitId"] in held["settings_business_units"]


def test_accountings_amounts_are_strings_and_others_are_numbers(held: Records) -> None:
    for invoice in held["accounting_invoices"].values():
        assert isinstance(invoice["subTotal"], str)
        assert isinstance(invoice["balance"], str)
    assert all(isinstance(p["total"], str) for p in held["accounting_payments"].values())
    assert all(isinstance(p["typeId"], str) for p in held["accounting_payments"].values())
    assert all(isinstance(c["balance"], int | float) for c in held["crm_customers"].values())


def test_one_seed_gives_the_same_bytes_each_time_and_the_same_ids_to_other_people() -> None:
    def made(tenant_id: int, seed: int) -> dict[str, list[bytes]]:
        account = Account(tenant_id, "c", "s", "k", seed=seed, size=Size(customers=50, invoices=60))
        with Sandbox([account], now=NOW) as sandbox:
            return {one.name: sandbox.world(tenant_id).served(one.name) for one in entities()}

    first, again, twin, other = made(1, 7), made(1, 7), made(2, 7), made(1, 8)
    assert first == again
    assert first != other
    for name in ("crm_customers", "accounting_invoices", "jpm_jobs", "accounting_payments"):
        ids = [sorted(json.loads(body)["id"] for body in served[name]) for served in (first, twin)]
        assert ids[0] == ids[1]
    names = [[json.loads(body)["name"] for body in served["crm_customers"]] for served in (first, twin)]
    assert names[0] != names[1]


def test_entities_are_the_same_in_whatever_order_they_are_read() -> None:
    served = []
    names = [one.name for one in entities()]
    for order in (names, names[::-1]):
        with Sandbox([Account(1, "c", "s", "k", size=Size(customers=20, invoices=30))], now=NOW) as sandbox:
            for name in order:
                sandbox.world(1).count(name)
            served.append({name: sandbox.world(1).served(name) for name in names})
    assert served[0] == served[1]


def test_sparse_records_omit_null_members() -> None:
    def size(*, sparse: bool) -> int:
        account = Account(1, "c", "s", "k", size=Size(customers=50, invoices=50, sparse=sparse))
        with Sandbox([account], now=NOW) as sandbox:
            served = sandbox.world(1).served("accounting_invoices")
            tops = [json.loads(body) for body in served]
            nulls = [name for top in tops for name, value in top.items() if value is None]
            nulls += [name for top in tops for item in top["items"] for name, value in item.items() if value is None]
            assert bool(nulls) is not sparse
            return sum(map(len, served))

    assert size(sparse=True) < 0.8 * size(sparse=False)


def test_decimals_are_written_with_all_their_digits() -> None:
    assert records.encode({"a": Decimal("1.0000000000000000000")}) == b'{"a":1.0000000000000000000}'
