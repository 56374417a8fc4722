"""Reading cadences."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.tenants.cadence import Calendar, Window
from st_pipeline.tenants.cadence_parsing import parse
from st_pipeline.tenants.errors import FieldInvalid


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("nightly", "nightly"),
        (" NIGHTLY  3:30", "nightly 03:30"),
        ("weekly", "weekly"),
        ("weekly mon", "weekly mon"),
        ("Weekly Friday 03:00", "weekly fri 03:00"),
        ("monthly 15", "monthly 15"),
        ("monthly 05 4:00", "monthly 5 04:00"),
        ("monthly LAST 03:00", "monthly last 03:00"),
        ("every 6h", "every 6h"),
        ("every 1 m", "every 1m"),
        ("every 31d", "every 31d"),
        ("paused", "paused"),
        (" 30  5 * * 1-5", "30 5 * * 1-5"),
        ("0-30/10 4 * jan,JUL 7", "0-30/10 4 * jan,JUL 7"),
        ("every 1h Between 20:00 AND 6:00", "every 1h between 20:00 and 06:00"),
        ("0 * * * MON between 20:00 and 00:00", "0 * * * MON between 20:00 and 00:00"),
    ],
)
def test_a_cadence_is_kept_in_its_own_form(text: str, kept: str) -> None:
    assert parse(text).text == kept
    assert parse(kept) == parse(text)


def test_what_is_left_out_is_the_first_day_at_two() -> None:
    assert parse("nightly").rule == Calendar((time(2),)) == parse("nightly 02:00").rule
    assert parse("weekly").rule == Calendar((time(2),), weekdays=frozenset({0})) == parse("weekly monday").rule
    assert parse("monthly").rule == Calendar((time(2),), days=frozenset({1}))


def test_intervals_windows_and_paused() -> None:
    assert parse("every 90m").rule == timedelta(minutes=90)
    assert parse("every 2d").rule == timedelta(days=2)
    assert parse("nightly").window is None
    assert parse("nightly between 01:00 and 5:30").window == Window(time(1), time(5, 30))
    assert parse("paused").is_paused
    assert not parse("nightly").is_paused


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        *[(text, "must be one of nightly, weekly, monthly") for text in
          ("", "sometimes", "every", "every 0h", "every 6", "every 1.5h", "every -1h", "every h", "nightly 25:00",
           "nightly 2", "nightly 02:60",
           "weekly 03:00", "weekly foo", "weekly mon 03:00 04:00", "monthly 0", "monthly 32",
           "monthly ٣", "monthly last 3", "between 20:00 and 06:00", "nightly between 20:00", "60 * * * *",
           "nightly between 20:00 and 06:00 between 20:00 and 06:00")],
        ("every 32d", "must be 31 days or less"),
        ("0 0 30 2 *", "a day that no month has"),
        ("nightly between 8pm and 06:00", "like between 20:00 and 06:00"),
        ("nightly between 06:00 and 6:00", "to allow all hours, remove them"),
        ("paused between 20:00 and 06:00", "must not have hours when it is paused"),
    ],
)  # fmt: skip
def test_other_cadences_are_refused_with_what_is_accepted(wrong: str, advice: str) -> None:
    with pytest.raises(FieldInvalid, match=r"^cadence ") as refused:
        parse(wrong)
    assert advice in str(refused.value)


def test_a_refusal_names_every_kind() -> None:
    with pytest.raises(FieldInvalid) as refused:
        parse("cs1.canary")
    for kind in ("nightly", "weekly fri 03:00", "monthly last", "every 6h", "paused", "30 5 * * 1-5", "between 20:00"):
        assert kind in str(refused.value)
    assert "canary" not in str(refused.value)


WORDS = st.sampled_from(
    ["nightly", "weekly", "monthly", "every", "paused", "between", "and", "mon", "friday", "last", "15", "31", "6h",
     "1m", "02:00", "20:00", "*", "*/5", "1-5", "0"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(WORDS, max_size=9).map(" ".join) | st.text() | st.text(alphabet="0123456789*/,- amonjfri"))
def test_any_text_is_accepted_in_a_form_that_means_the_same_or_refused(text: str) -> None:
    try:
        cadence = parse(text)
    except FieldInvalid:
        return
    assert parse(cadence.text) == cadence


@pytest.mark.parametrize(
    ("usual", "stored"),
    [
        ("daily", "nightly"),
        ("Every day at 3am", "nightly 03:00"),
        ("every night at 12:30 AM", "nightly 00:30"),
        ("daily 12pm between 20:00 and 06:00", "nightly 12:00 between 20:00 and 06:00"),
        ("hourly", "every 1h"),
        ("every friday", "weekly fri"),
        ("every fri at 23:15", "weekly fri 23:15"),
    ],
)
def test_other_usual_words_are_stored_in_the_known_form(usual: str, stored: str) -> None:
    assert parse(usual) == parse(stored)
    assert parse(usual).text == stored
