"""portal/words/cadence_words.py: what a choice writes, what a stored cadence fills in, and its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.words.cadence_words import (
    DAYS,
    KINDS,
    UNITS,
    USUAL,
    WEEKDAYS,
    ChoiceInvalid,
    fields_of,
    in_words,
    text_of,
)
from st_pipeline.tenants.cadence_parsing import parse

TIMES = st.times().map(lambda at: f"{at:%H:%M}")
CHOICES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(sorted(KINDS)),
        "at": TIMES | st.text(max_size=6),
        "weekday": st.sampled_from(sorted(WEEKDAYS)),
        "day": st.sampled_from(sorted(DAYS)),
        "every": st.integers(0, 40000).map(str) | st.text(max_size=4),
        "unit": st.sampled_from(sorted(UNITS)),
        "cron": st.sampled_from(["30 5 * * 1-5", "0 0 30 2 *", "* * * *", "61 * * * *"]) | st.text(max_size=12),
        "opens": st.just("") | TIMES,
        "closes": st.just("") | TIMES,
    }
)


@given(CHOICES)
def test_a_choice_is_a_cadence_that_fills_the_form_with_itself_or_is_refused_at_a_field(chosen: dict[str, str]) -> None:
    try:
        text = text_of(chosen)
    except ChoiceInvalid as invalid:
        assert invalid.problems
        assert set(invalid.problems) <= set(USUAL)
        assert all(problem.endswith(".") for problem in invalid.problems.values())
        return
    assert parse(text).text == text
    assert parse(text_of(fields_of(parse(text)))) == parse(text)


@pytest.mark.parametrize(
    "text", ["nightly", "weekly", "monthly last", "monthly 31 04:00", "weekly fri 03:00 between 20:00 and 06:00",
             "every 6h", "30 5 * * 1-5", "paused"],
)  # fmt: skip
def test_what_is_stored_means_the_same_after_it_was_shown_and_saved(text: str) -> None:
    cadence = parse(text)
    again = parse(text_of(fields_of(cadence)))
    assert (again.rule, again.window) == (cadence.rule, cadence.window)


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({}, "nightly 02:00"),
        ({"at": "3:30"}, "nightly 03:30"),
        ({"kind": "weekly", "weekday": "fri", "at": "03:00"}, "weekly fri 03:00"),
        ({"kind": "monthly", "day": "last"}, "monthly last 02:00"),
        ({"kind": "every", "every": " 012 ", "unit": "m"}, "every 12m"),
        ({"kind": "cron", "cron": "30  5 * * 1-5"}, "30 5 * * 1-5"),
        ({"opens": "20:00", "closes": "6:00"}, "nightly 02:00 between 20:00 and 06:00"),
        ({"kind": "paused", "at": "never", "opens": "20:00"}, "paused"),
    ],
)
def test_each_kind_reads_only_its_own_fields(chosen: dict[str, str], text: str) -> None:
    assert text_of({**USUAL, **chosen}) == text


@pytest.mark.parametrize(
    ("chosen", "fields"),
    [
        ({"at": "24:00"}, {"at"}),
        ({"at": "2"}, {"at"}),
        ({"kind": "every", "every": "0"}, {"every"}),
        ({"kind": "every", "every": "²"}, {"every"}),
        ({"kind": "every", "every": "32", "unit": "d"}, {"every"}),
        ({"kind": "cron", "cron": "* * * *"}, {"cron"}),
        ({"kind": "cron", "cron": "61 * * * *"}, {"cron"}),
        ({"kind": "cron", "cron": "0 0 30 2 *"}, {"cron"}),
        ({"opens": "20:00"}, {"closes"}),
        ({"closes": "20:00"}, {"opens"}),
        ({"opens": "6:00", "closes": "06:00"}, {"closes"}),
        ({"at": "", "opens": "x"}, {"at", "opens"}),
    ],
)
def test_an_invalid_choice_names_its_fields_and_not_what_was_typed(chosen: dict[str, str], fields: set[str]) -> None:
    with pytest.raises(ChoiceInvalid) as refused:
        text_of({**USUAL, **chosen})
    assert set(refused.value.problems) == fields
    for field, problem in refused.value.problems.items():
        assert f"{field}: {problem}" in str(refused.value)


def test_a_misspelled_cron_expression_is_not_repeated() -> None:
    with pytest.raises(ChoiceInvalid) as refused:
        text_of({**USUAL, "kind": "cron", "cron": "cs1.canary a b c d"})
    assert list(refused.value.problems) == ["cron"]
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("nightly", {}),
        ("weekly sunday 23:59", {"kind": "weekly", "weekday": "sun", "at": "23:59"}),
        ("monthly 31", {"kind": "monthly", "day": "31"}),
        ("monthly last", {"kind": "monthly", "day": "last"}),
        ("every 1d", {"kind": "every", "every": "1", "unit": "d"}),
        ("0 4 * * *", {"kind": "cron", "cron": "0 4 * * *"}),
        ("paused", {"kind": "paused"}),
        ("nightly between 1:00 and 5:00", {"opens": "01:00", "closes": "05:00"}),
    ],
)
def test_a_stored_cadence_fills_its_own_fields_and_leaves_the_usual_in_the_others(
    text: str, fields: dict[str, str]
) -> None:
    assert fields_of(parse(text)) == {**USUAL, **fields}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nightly", "every day at 02:00"),
        ("weekly fri 03:00", "every week on Friday at 03:00"),
        ("monthly last", "every month on the last day at 02:00"),
        ("monthly 15", "every month on day 15 at 02:00"),
        ("every 6h", "every 6 hours"),
        ("every 1d", "every day"),
        ("every 1m", "every minute"),
        ("every 11h", "every 11 hours"),
        ("30 5 * * 1-5", "on the cron schedule 30 5 * * 1-5"),
        ("paused", "paused (no automatic syncs)"),
        ("every 1h between 20:00 and 06:00", "every hour, starting between 20:00 and 06:00"),
    ],
)
def test_a_cadence_in_words_names_its_day_its_time_and_its_hours(text: str, words: str) -> None:
    assert in_words(parse(text)) == words


@given(CHOICES)
def test_every_cadence_that_can_be_chosen_has_words(chosen: dict[str, str]) -> None:
    try:
        cadence = parse(text_of(chosen))
    except ChoiceInvalid:
        return
    assert ("starting between" in in_words(cadence)) == (cadence.window is not None)
