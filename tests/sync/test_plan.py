"""sync/plan.py: what a sync is asked to do, and which entities it names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.history.recorder import BY_HAND
from st_pipeline.sync.plan import SyncPlan

NAMES = st.lists(st.sampled_from("abcdef"))


def test_an_entity_that_is_landed_and_loaded_is_named_once_in_the_order_of_the_plan() -> None:
    assert SyncPlan(land=("b", "a"), load=("c", "a")).entities == ["b", "a", "c"]
    assert SyncPlan(land=(), load=("a",)).entities == ["a"]
    assert SyncPlan(land=(), load=()).entities == []


@given(NAMES, NAMES)
def test_every_named_entity_is_there_exactly_once(land: list[str], load: list[str]) -> None:
    entities = SyncPlan(land=land, load=load).entities
    assert sorted(entities) == sorted({*land, *load})
    assert entities[: len(set(land))] == list(dict.fromkeys(land)), "what is landed comes first"


def test_a_plan_is_an_incremental_sync_by_hand_unless_it_says_otherwise() -> None:
    plan = SyncPlan(land=("a",), load=("a",))
    assert not any((plan.full, plan.reload, plan.is_partial, plan.if_due))
    assert plan.cause is BY_HAND
