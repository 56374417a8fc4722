"""step_words.py: steps on pages, and what clients do not read."""

from __future__ import annotations

import pytest

from st_pipeline.portal.people.roles import Actor, Role
from st_pipeline.portal.words.step_words import problem_words, step_words
from st_pipeline.steps.step import Do, Step

OPERATOR, CLIENT = Actor("ann", Role.OPERATOR), Actor("cleo", Role.CLIENT)


def test_a_command_is_a_button_here() -> None:
    assert step_words([Step(Do.SYNC, "jpm_jobs")], OPERATOR, "acme") == "Click Sync now under Status."


@pytest.mark.parametrize("do", [Do.FULL_REFRESH, Do.RELOAD, Do.ENABLE])
def test_what_only_an_operator_can_do_is_left_out_for_a_client(do: Do) -> None:
    assert step_words([Step(do)], OPERATOR, "acme")
    assert step_words([Step(do)], CLIENT, "acme") == ""


@pytest.mark.parametrize("do", Do)
def test_a_viewer_is_told_to_click_and_enter_nothing(do: Do) -> None:
    words = step_words([Step(do, "crm_customers")], Actor("vic", Role.VIEWER), "acme")
    assert not any(verb in words for verb in ("Click", "Enter ", "Revoke", "revoke the", "Request "))


@pytest.mark.parametrize(
    ("problem", "said"),
    [("No answer", "No answer. Click"), ("No answer.", "No answer. Click"), ("Why?", "Why? Click")],
)
def test_a_problem_is_a_sentence_before_its_steps(problem: str, said: str) -> None:
    assert problem_words(problem, [Step(Do.SYNC)], CLIENT, "acme").startswith(said)
    assert problem_words(problem, [], CLIENT, "acme").endswith((".", "?"))
