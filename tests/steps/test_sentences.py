"""sentences.py: every reader has words for every step."""

from __future__ import annotations

import pytest

from st_pipeline.alerting.step_words import alert_words
from st_pipeline.portal.people.roles import Actor, Role
from st_pipeline.portal.words.step_words import step_words
from st_pipeline.steps.commands import command_words
from st_pipeline.steps.sentences import list_words, word
from st_pipeline.steps.step import Do, Step

READERS = {
    "command line": command_words,
    "alert": alert_words,
    "viewer": lambda steps, tenant: step_words(steps, Actor("vic", Role.VIEWER), tenant),
    "operator": lambda steps, tenant: step_words(steps, Actor("ann", Role.OPERATOR), tenant),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("do", Do)
def test_every_step_is_a_sentence_for_every_reader(reader: str, do: Do) -> None:
    words = READERS[reader]([Step(do, "crm_customers")], "acme")
    assert words[0].isupper() and words.endswith(".")
    assert "{" not in words and "TENANT" not in words


@pytest.mark.parametrize("do", Do)
def test_a_client_reads_no_command_and_no_setting(do: Do) -> None:
    words = step_words([Step(do, "crm_customers")], Actor("cleo", Role.CLIENT), "acme")
    assert "st-pipeline" not in words and "ST_PIPELINE" not in words and "SERVICETITAN_" not in words


def test_a_reader_can_leave_a_step_out() -> None:
    assert word([Step(Do.FIX_ERROR), Step(Do.REPORT_TRACE)], {Do.FIX_ERROR: None}, "acme").startswith("If it fails")


def test_steps_keep_their_order() -> None:
    words = command_words([Step(Do.GENERATE_SECRET), Step(Do.ENTER_SECRET)], "acme")
    assert words.index("generate a new client secret") < words.index("st-pipeline tenants rotate acme")


@pytest.mark.parametrize(
    ("names", "words"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_become_a_list_in_words(names: list[str], words: str) -> None:
    assert list_words(names) == words
