"""audit_words.py: what the audit stores, in the portal's words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import st_pipeline
from st_pipeline.portal.words.audit_words import action_words, detail_words, result_words


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("credentials tried", "Connection tested"),
        ("paused", "Paused"),
        ("full re-sync asked for", "Full refresh requested"),
        ("sign-in refused", "Sign-in failed"),
        ("user unbound", "User unlinked from single sign-on"),
    ],
)
def test_an_action_is_a_short_sentence(action: str, words: str) -> None:
    assert action_words(action) == words


def test_no_action_that_is_recorded_is_shown_in_engineers_words() -> None:
    source = "".join(path.read_text() for path in Path(st_pipeline.__file__).parent.rglob("*.py"))
    actions = re.findall(r'record\(\s*"([a-z -]+)"', source)
    assert len(set(actions)) > 10
    for action in actions:
        assert not re.search(r"\b(tenant|tried|asked|made|re-sync)\b", action_words(action).replace("tenant id", "")), (
            action
        )


def test_a_detail_has_a_name_that_people_know() -> None:
    assert [detail_words(name) for name in ("found", "why", "tenant_id")] == ["result", "reason", "tenant id"]


def test_what_a_test_found_is_worded_when_it_is_shown() -> None:
    assert result_words("refused") == "rejected by ServiceTitan"
    assert result_words("not connected yet") == "not connected yet"
