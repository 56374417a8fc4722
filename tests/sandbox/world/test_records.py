"""sandbox/world/records.py: from a plan to the bytes of every entity, which agree with each other."""

import json
from decimal import Decimal

import pytest

from st_pipeline.sandbox import Account, Sandbox, Size, World, instants
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.world import records
from st_pipeline.sandbox.world.plan import HISTORY_END, Plan
from tests.sandbox.conftest import NOW

from .conftest import Records


def test_every_entity_has_records_with_unique_ids(world: World, held: Records) -> None:
    for one in entities():
        assert len(held[one.name]) == world.count(one.name) > 0


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


@pytest.mark.parametrize("entity", records.WRITERS)
def test_every_record_says_when_it_was_created_and_last_modified(entity: str) -> None:
    plan = Plan(Account(1, "c", "s", "k", size=Size(customers=60, invoices=60, awkward=False)))
    writer, column = records.WRITERS[entity]
    made = list(writer(plan, seeded(entity), range(records.column_length(plan, column))))
    assert made
    for record, created, modified in made:
        assert record.get("createdOn") in (instants.text(created), None), "job types have none in the documents"
        assert record["modifiedOn"] == instants.text(modified)
        assert created <= modified < HISTORY_END
    assert len({record["id"] for record, *_ in made}) == len(made)


@pytest.mark.parametrize("entity", records.WRITERS)
def test_the_same_draws_write_the_same_records(entity: str) -> None:
    account = Account(1, "c", "s", "k", size=Size(customers=20, invoices=20))
    both = [list(records.rows(Plan(account), entity, seeded("x"), range(6))) for _ in range(2)]
    assert both[0] == both[1]
    assert list(records.rows(Plan(account), entity, seeded("y"), range(6))) != both[0]


def test_a_record_that_only_the_slow_decoder_reads_is_read() -> None:
    assert records.decode(b'{"a": "\\ud800"}') == {"a": "\ud800"}
    with pytest.raises(ValueError, match="Expecting value"):
        records.decode(b"nothing")
