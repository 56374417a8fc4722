"""sandbox/world/staff.py: technicians and the people of the office."""

from __future__ import annotations

from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.plan import Plan
from st_pipeline.sandbox.world.staff import employees, technicians


def test_technicians_work_in_a_unit_of_the_company_and_one_in_eight_has_left(plan: Plan) -> None:
    made = [record for record, *_ in technicians(plan, seeded("t"), range(16))]
    assert [record["id"] for record in made] == list(range(ids.TECHNICIAN, ids.TECHNICIAN + 16))
    assert [record["active"] for record in made].count(False) == 2
    units = range(ids.BUSINESS_UNIT, ids.BUSINESS_UNIT + plan.size.business_units)
    assert {record["businessUnitId"] for record in made} <= set(units)


def test_the_name_of_a_person_is_its_parts(plan: Plan) -> None:
    for write in (technicians, employees):
        for record, *_ in write(plan, seeded("n"), range(20)):
            assert record["name"] == f"{record['firstName']} {record['lastName']}"
            assert "@" in record["email"]


def test_who_left_the_office_has_a_last_day_and_nobody_else(plan: Plan) -> None:
    made = [record for record, *_ in employees(plan, seeded("e"), range(20))]
    assert [record["active"] for record in made].count(False) == 4
    for record in made:
        assert (record["terminationDate"] is None) is record["active"]
        if record["terminationDate"]:
            assert record["terminationDate"] >= record["startDate"]


def test_sign_in_names_and_users_are_given_once(plan: Plan) -> None:
    everybody = [record for write in (technicians, employees) for record, *_ in write(plan, seeded("u"), range(9))]
    for name in ("loginName", "userId", "id"):
        assert len({record[name] for record in everybody}) == 18
