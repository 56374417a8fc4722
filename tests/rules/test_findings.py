"""findings.py: what makes two findings the same trouble, and texts short enough for a message."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.rules.findings import LONGEST_TEXT, Finding, Severity, format_count, is_or_are, shorten
from st_pipeline.steps.step import Do, Step
from tests.support.past import DAY, NOW

FINDING = Finding("drift", "acme", Severity.CAN_WAIT, "new fields", NOW, (Step(Do.SYNC),), entity="crm_customers")


def test_a_finding_is_the_same_trouble_however_and_whenever_it_is_told() -> None:
    again = replace(FINDING, what="more new fields", since=NOW + DAY, steps=(), severity=Severity.NOW, run_id="r")
    assert again.key == FINDING.key


def test_another_rule_tenant_entity_or_subject_is_another_trouble() -> None:
    others = [
        replace(FINDING, rule="drop"),
        replace(FINDING, tenant="bolt"),
        replace(FINDING, entity=None),
        replace(FINDING, subject="x"),
    ]
    assert len({one.key for one in [FINDING, *others]}) == 5


def test_with_a_subject_the_entity_shown_does_not_matter() -> None:
    assert replace(FINDING, subject="any").key == replace(FINDING, subject="any", entity=None).key


@given(st.text())
def test_a_shortened_text_is_one_line_of_bounded_length(text: str) -> None:
    short = shorten(text)
    assert len(short) <= LONGEST_TEXT
    assert len(short.splitlines()) <= 1
    if len(" ".join(text.split())) <= LONGEST_TEXT:
        assert short == " ".join(text.split())


def test_numbers_have_their_noun() -> None:
    assert [format_count(n, "call") for n in (0, 1, 1200)] == ["0 calls", "1 call", "1,200 calls"]
    assert [format_count(n, "company") for n in (1, 5)] == ["1 company", "5 companies"]
    assert format_count(2, "day") == "2 days"
    assert [is_or_are(n) for n in (0, 1, 2)] == ["are", "is", "are"]
