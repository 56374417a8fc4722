"""step.py: what is stored of a step comes back as it was."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.steps.step import Do, Step, from_plain, to_json

STEPS = st.lists(st.builds(Step, st.sampled_from(Do), st.none() | st.text(max_size=30)), max_size=5)


@given(STEPS)
def test_steps_come_back_as_they_were_stored(steps: list[Step]) -> None:
    assert from_plain(json.loads(to_json(steps))) == tuple(steps)


def test_what_a_step_is_not_about_is_left_out() -> None:
    assert json.loads(to_json([Step(Do.SYNC), Step(Do.GRANT_SCOPE, "tn.crm.customers:r")])) == [
        {"do": "sync"},
        {"do": "grant_scope", "about": "tn.crm.customers:r"},
    ]


def test_no_steps_are_none() -> None:
    assert from_plain(None) == from_plain([]) == ()


@pytest.mark.parametrize("plain", [[{"do": "dance"}], [{"about": "x"}], "sync", [7]])
def test_what_is_no_step_is_an_error(plain: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        from_plain(plain)
