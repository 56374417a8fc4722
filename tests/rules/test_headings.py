"""headings.py: every rule has a heading."""

from __future__ import annotations

import pytest

from st_pipeline.rules.headings import heading
from st_pipeline.rules.thresholds import Rules


@pytest.mark.parametrize("rule", sorted(Rules().enabled))
def test_every_rule_has_a_heading_of_its_own(rule: str) -> None:
    assert heading(rule) != rule.replace("_", " ").capitalize()


def test_a_rule_of_before_is_its_name() -> None:
    assert heading("some_old_rule") == "Some old rule"
