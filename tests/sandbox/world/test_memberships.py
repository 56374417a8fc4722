"""sandbox/world/memberships.py: membership types, and who has which until when."""

from __future__ import annotations

from collections import Counter

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.memberships import MEMBERSHIP_SLOTS, membership_types, memberships
from st_pipeline.sandbox.world.plan import Plan

from .conftest import Records


def test_one_type_is_closed_and_still_has_members(held: Records) -> None:
    closed = [record["id"] for record in held["memberships_membership_types"].values() if record["active"] is False]
    assert closed == [ids.MEMBERSHIP_TYPE + 4]
    members = [one for one in held["memberships_memberships"].values() if one["membershipTypeId"] in closed]
    assert any(one["status"] == "Active" for one in members)


def test_every_type_has_a_name_of_its_own(plan: Plan) -> None:
    made = [record for record, *_ in membership_types(plan, seeded("t"), range(ids.MEMBERSHIP_TYPES))]
    assert len({record["name"] for record in made}) == ids.MEMBERSHIP_TYPES


def test_a_customer_has_as_many_memberships_as_the_plan_says_each_of_another_type(plan: Plan) -> None:
    made = [record for record, *_ in memberships(plan, seeded("m"), range(plan.customers))]
    count = Counter(record["customerId"] for record in made)
    assert [count[ids.CUSTOMER + index] for index in range(plan.customers)] == list(plan.memberships)
    assert max(count.values()) == MEMBERSHIP_SLOTS
    assert len({(record["customerId"], record["membershipTypeId"]) for record in made}) == len(made)
    assert len({record["id"] for record in made}) == len(made)


def test_a_membership_lasts_a_year_or_has_no_end(plan: Plan) -> None:
    ends = set[bool]()
    for record, created, _ in memberships(plan, seeded("m"), range(plan.customers)):
        ends.add(record["to"] is None)
        assert (record["duration"] is None) is (record["to"] is None)
        if record["to"]:
            start, end = instants.parse(record["from"]), instants.parse(record["to"])
            assert start is not None and end is not None
            assert end - start == 365 * instants.DAY
            assert 0 <= created - start < instants.DAY
    assert ends == {True, False}


def test_only_a_canceled_membership_has_a_day_of_cancellation(plan: Plan) -> None:
    made = [record for record, *_ in memberships(plan, seeded("m"), range(plan.customers))]
    assert {record["status"] for record in made} == {"Active", "Canceled", "Expired"}
    for record in made:
        assert (record["cancellationDate"] is not None) is (record["status"] == "Canceled")
