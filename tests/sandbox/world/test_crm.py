"""sandbox/world/crm.py: customers, their locations, and the contacts of both."""

from __future__ import annotations

from collections import Counter

from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world import crm
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.plan import Plan


def test_a_customer_is_what_the_plan_says(plan: Plan) -> None:
    made = [record for record, *_ in crm.customers(plan, seeded("c"), range(plan.customers))]
    assert [record["name"] for record in made] == plan.names
    assert [record["active"] for record in made] == [bool(active) for active in plan.customer_active]
    for index, record in enumerate(made):
        merged = plan.merged_to[index]
        assert record["mergedToId"] == (ids.CUSTOMER + merged if merged >= 0 else None)
        assert (record["creditLimit"] is None) is (record["paymentTermId"] is None)
        assert record["address"]["street"] == plan.addresses[plan.home[index]].street


def test_the_first_location_of_a_customer_is_its_home_with_its_name_and_address(plan: Plan) -> None:
    made = [record for record, *_ in crm.locations(plan, seeded("l"), range(len(plan.addresses)))]
    homes = 0
    for index, record in enumerate(made):
        customer = plan.location_customer[index]
        assert record["customerId"] == ids.CUSTOMER + customer
        if index == plan.home[customer]:
            homes += 1
            assert record["name"] == plan.names[customer]
        else:
            assert record["name"].startswith("Rental ")
    assert homes == plan.customers < len(made)


def test_locations_of_inactive_customers_are_inactive(plan: Plan) -> None:
    for index, (record, *_) in enumerate(crm.locations(plan, seeded("l"), range(len(plan.addresses)))):
        if not plan.customer_active[plan.location_customer[index]]:
            assert record["active"] is False


def test_a_customer_has_as_many_contacts_as_the_plan_says(plan: Plan) -> None:
    made = [record for record, *_ in crm.customer_contacts(plan, seeded("k"), range(plan.customers))]
    count = Counter(record["customerId"] for record in made)
    assert [count[ids.CUSTOMER + index] for index in range(plan.customers)] == list(plan.contacts)
    assert max(count.values()) < ids.CONTACT_SLOTS
    assert len({record["id"] for record in made}) == len(made)


def test_a_phone_is_no_email_address(plan: Plan) -> None:
    made = [record for record, *_ in crm.customer_contacts(plan, seeded("k"), range(plan.customers))]
    assert {record["type"] for record in made} == {"Phone", "MobilePhone", "Email", "Fax"}
    for record in made:
        assert ("@" in record["value"]) is (record["type"] == "Email")
        assert (record["phoneSettings"]["phoneNumber"] == "") is (record["type"] == "Email")
        assert record["phoneSettings"]["doNotText"] is not record["preferences"]["jobRemindersEnabled"]


def test_now_and_then_a_customer_has_the_same_number_twice(plan: Plan) -> None:
    for _ in range(240):  # of the eighty that are there none may
        plan.add_customer(ids.HISTORY_FROM)
    made = [record for record, *_ in crm.customer_contacts(plan, seeded("k"), range(plan.customers))]
    numbers = Counter((record["customerId"], record["value"]) for record in made)
    assert max(numbers.values()) > 1


def test_every_other_location_has_a_contact(plan: Plan) -> None:
    made = [record for record, *_ in crm.location_contacts(plan, seeded("m"), range(len(plan.addresses)))]
    expected = [ids.LOCATION + index for index in range(0, len(plan.addresses), 2)]
    assert [record["locationId"] for record in made] == expected
