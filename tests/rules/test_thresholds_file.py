"""thresholds_file.py: what alerts.toml changes, and what is said of one that is wrong."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.rules.findings import Severity
from st_pipeline.rules.thresholds import Rules
from st_pipeline.rules.thresholds_file import RulesInvalid, parse_rules, read_rules


def written(home: Path, text: str) -> Path:
    (home / "alerts.toml").write_text(text)
    return home


def test_without_a_file_the_rules_are_the_defaults(tmp_path: Path) -> None:
    assert read_rules(tmp_path) == Rules()


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    rules = read_rules(
        written(
            tmp_path,
            """
            [error_rate]
            over = 0.1
            severity = "now"
            [drift]
            enabled = false
            [stale]
            grace_hours = 6
            [telling]
            dagster_url = "https://dagster.example/"
            """,
        )
    )
    assert (rules.error_rate.over, rules.error_rate.severity) == (0.1, Severity.NOW)
    assert rules.error_rate.least_calls == Rules().error_rate.least_calls
    assert "drift" not in rules.enabled
    assert rules.stale.grace_hours == 6.0 and isinstance(rules.stale.grace_hours, float)
    assert rules.telling.dagster_url == "https://dagster.example"
    assert rules.quarantine == Rules().quarantine


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[eror_rate]\nover = 0.1", r"unknown rule eror_rate; did you mean error_rate\?"),
        ("[zzz]", "unknown rule zzz; available: error_rate, failures_in_a_row"),
        ("drift = 3", r"drift must be a table: \[drift\]"),
        ("[error_rate]\novr = 0.1", r"\[error_rate\] has no setting ovr; did you mean over\?"),
        ("[error_rate]\nover = 5", r"\[error_rate\] over must be between 0 and 1"),
        ("[error_rate]\nover = nan", "over must be between 0"),
        ("[error_rate]\nhours = inf", "hours must be between 0.1 and 87600"),
        ("[error_rate]\nover = true", "over must be a number"),
        ("[error_rate]\nleast_calls = 1.5", "least_calls must be a whole number"),
        ("[error_rate]\nenabled = 1", "enabled must be true or false"),
        ('[error_rate]\nseverity = "later"', "severity must be 'now' or 'can_wait'"),
        ("[telling]\ndagster_url = 1", "dagster_url must be text"),
        ('[telling]\ndagster_url = "javascript:x"', "must start with http:// or https://"),
        ("[error_rate", "Fix the file or remove it"),
    ],
)
def test_what_is_wrong_is_said_with_file_table_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RulesInvalid, match=said) as invalid:
        read_rules(written(tmp_path, text))
    assert str(tmp_path / "alerts.toml") in str(invalid.value)


def test_a_file_that_is_no_text_or_a_folder_is_said_too(tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RulesInvalid, match="Fix the file or remove it"):
        read_rules(tmp_path)
    (tmp_path / "alerts.toml").unlink()
    (tmp_path / "alerts.toml").mkdir()
    with pytest.raises(RulesInvalid, match="directory"):
        read_rules(tmp_path)


VALUES = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2))
NAMES = [(part.name, field.name) for part in fields(Rules) for field in fields(getattr(Rules(), part.name))]


@given(st.sampled_from(NAMES), VALUES)
def test_any_value_is_taken_within_its_bounds_or_refused_in_words(name: tuple[str, str], value: Any) -> None:
    table, key = name
    try:
        rules = parse_rules({table: {key: value}}, "alerts.toml")
    except RulesInvalid as invalid:
        assert f"[{table}] {key}" in str(invalid)
        return
    kept = getattr(getattr(rules, table), key)
    assert type(kept) is type(getattr(getattr(Rules(), table), key))
    assert kept == (value.rstrip("/") if isinstance(value, str) else value)


def test_links_to_runs_lead_to_the_dagster_ui_of_the_settings_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    assert read_rules(tmp_path, "http://127.0.0.1:4000").telling.dagster_url == "http://127.0.0.1:4000"
    home = written(tmp_path, "[drift]\nenabled = false")
    assert read_rules(home, "http://127.0.0.1:4000").telling.dagster_url == "http://127.0.0.1:4000"
    home = written(tmp_path, '[telling]\ndagster_url = "https://dagster.example"')
    assert read_rules(home, "http://127.0.0.1:4000").telling.dagster_url == "https://dagster.example"
