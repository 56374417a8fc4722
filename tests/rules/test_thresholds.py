"""thresholds.py: the defaults are the users' own, and within the bounds that a file must keep."""

from __future__ import annotations

from dataclasses import fields

from st_pipeline.rules.thresholds import Rule, Rules

PARTS = {part.name: getattr(Rules(), part.name) for part in fields(Rules)}


def test_the_defaults_are_the_users_own() -> None:
    rules = Rules()
    assert rules.error_rate.over == 0.05
    assert rules.failures_in_a_row.more_than == 3
    assert rules.rate_limit.over == 0.8
    assert (rules.credentials_old.days, rules.credentials_old.warn_days) == (90, 14)
    assert rules.quarantine.over == 0.001


def test_every_rule_is_on() -> None:
    assert Rules().enabled == {name for name, part in PARTS.items() if isinstance(part, Rule)}
    assert len(Rules().enabled) == len(PARTS) - 1


def test_every_default_is_within_its_bounds() -> None:
    bounded = 0
    for part in PARTS.values():
        for field in fields(part):
            if "least" in field.metadata:
                assert field.metadata["least"] <= getattr(part, field.name) <= field.metadata["most"]
                bounded += 1
    assert bounded > 20


def test_every_rule_says_what_it_is_about() -> None:
    for part in PARTS.values():
        doc = type(part).__doc__ or ""
        assert not doc.startswith(type(part).__name__ + "("), f"{type(part).__name__} has only dataclass's own words"
