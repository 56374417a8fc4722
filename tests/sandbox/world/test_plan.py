import dataclasses

from st_pipeline.sandbox.account import Account, Size
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world.plan import HISTORY_END, HISTORY_FROM, HISTORY_TO, Plan

ACCOUNT = Account(1, "c", "s", "k", size=Size(customers=300, invoices=400))


def test_a_plan_depends_only_on_the_seed_except_for_its_texts() -> None:
    one, twin = Plan(ACCOUNT), Plan(dataclasses.replace(ACCOUNT, tenant_id=2))
    for column in ("visit_cents", "visit_modified", "customer_created", "merged_to", "has_job", "contacts"):
        assert getattr(one, column) == getattr(twin, column)
    assert one.names != twin.names
    assert Plan(dataclasses.replace(ACCOUNT, seed=8)).visit_cents != one.visit_cents


def test_history_is_within_its_bounds() -> None:
    plan = Plan(ACCOUNT)
    for created, modified in (
        (plan.visit_created, plan.visit_modified),
        (plan.customer_created, plan.customer_modified),
    ):
        assert min(created) >= HISTORY_FROM
        assert max(created) < HISTORY_TO
        assert max(modified) < HISTORY_END
        assert all(a <= b for a, b in zip(created, modified, strict=True))


def test_nothing_is_modified_before_it_was_created_nor_after_the_history() -> None:
    plan, rng = Plan(ACCOUNT), seeded("later")
    for created in range(HISTORY_FROM, HISTORY_TO, (HISTORY_TO - HISTORY_FROM) // 500):
        assert created <= plan.later(rng, created) < HISTORY_END
    assert plan.later(rng, HISTORY_TO + 5) == HISTORY_TO + 5


def test_a_complete_visit_has_a_job_and_an_invoice() -> None:
    plan = Plan(ACCOUNT)
    for _ in range(50):
        assert plan.add_visit(HISTORY_TO, HISTORY_TO, complete=True)
        assert plan.has_job[-1] and plan.has_invoice[-1]


def test_merged_customers_are_inactive_and_merged_into_others() -> None:
    plan = Plan(ACCOUNT)
    merged = [(index, into) for index, into in enumerate(plan.merged_to) if into >= 0]
    assert merged
    assert all(not plan.customer_active[index] and index != into for index, into in merged)
