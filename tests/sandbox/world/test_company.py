"""sandbox/world/company.py: what a company sets up once."""

from __future__ import annotations

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world import company
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.plan import Plan


def test_every_other_business_unit_has_the_tenants_own_name_in_its_name(plan: Plan) -> None:
    names = [company.business_unit_name(plan, index) for index in range(14)]
    assert all((plan.name in name) is (index % 2 == 0) for index, name in enumerate(names))
    assert len(set(names)) == 14


def test_business_units_belong_to_the_tenant_and_one_in_six_is_inactive(plan: Plan) -> None:
    made = [record for record, *_ in company.business_units(plan, seeded("u"), range(12))]
    assert [record["id"] for record in made] == list(range(ids.BUSINESS_UNIT, ids.BUSINESS_UNIT + 12))
    assert [record["active"] for record in made].count(False) == 2
    assert {record["tenant"]["id"] for record in made} == {plan.tenant_id}
    assert {record["tenant"]["name"] for record in made} == {"Northwest HVAC"}
    assert [record["name"] for record in made] == [company.business_unit_name(plan, index) for index in range(12)]


def test_what_is_set_up_was_there_before_the_history_began(plan: Plan) -> None:
    rng = seeded("s")
    for _ in range(300):
        created, modified = company.set_up(plan, rng)
        assert ids.HISTORY_FROM - 700 * instants.DAY <= created <= ids.HISTORY_FROM
        assert created <= modified < ids.HISTORY_END


def test_job_types_have_the_names_that_jobs_carry(plan: Plan) -> None:
    made = [record for record, *_ in company.job_types(plan, seeded("t"), range(ids.JOB_TYPES))]
    assert [record["name"] for record in made] == [company.job_type_name(index) for index in range(ids.JOB_TYPES)]
    assert len({record["name"] for record in made}) == ids.JOB_TYPES


def test_tags_and_campaigns_differ_and_some_are_inactive(plan: Plan) -> None:
    for write, number in ((company.tag_types, ids.TAG_TYPES), (company.campaigns, ids.CAMPAIGNS)):
        made = [record for record, *_ in write(plan, seeded("c"), range(number))]
        assert len({record["name"] for record in made}) == len({record["id"] for record in made}) == number
        assert {record["active"] for record in made} == {True, False}


def test_one_campaign_is_the_default(plan: Plan) -> None:
    made = [record for record, *_ in company.campaigns(plan, seeded("c"), range(ids.CAMPAIGNS))]
    assert [record["isDefaultCampaign"] for record in made].count(True) == 1
