import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import date_text, from_datetime, parse, text

ticks = st.integers(instants.at(1), instants.at(9999))


@given(ticks)
def test_an_instant_is_unchanged_after_writing_and_parsing(moment: int) -> None:
    assert parse(text(moment)) == moment


@given(ticks)
def test_a_fraction_has_three_to_seven_digits_or_is_left_out(moment: int) -> None:
    written = text(moment)
    assert written.endswith("Z")
    if moment % instants.SECOND:
        assert 3 <= len(written.split(".")[1]) - 1 <= 7
    else:
        assert "." not in written


@given(st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_offsets_are_read_as_python_reads_them(moment: dt.datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=minutes)))
    assert parse(aware.isoformat()) == from_datetime(aware)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-01-01", "2020-01-01T00:00:00Z"),
        ("2020-01-01T05:06", "2020-01-01T05:06:00Z"),
        ("2026-01-02T16:28:55.8446003Z", "2026-01-02T16:28:55.8446003Z"),
        ("2026-01-02 16:28:55.1", "2026-01-02T16:28:55.100Z"),
        ("2026-01-02T00:00:00+0530", "2026-01-01T18:30:00Z"),
    ],
)
def test_the_usual_ways_of_writing_are_understood(written: str, expected: str) -> None:
    assert text(parse(written) or 0) == expected


@pytest.mark.parametrize("written", ["", "soon", "2024-13-01", "2024-02-30", "2024-01-01T25:00:00", "20240101", "1"])
def test_other_text_is_not_an_instant(written: str) -> None:
    assert parse(written) is None


def test_a_pure_date_is_midnight_with_or_without_zone() -> None:
    moment = parse("2025-10-13T17:00:00Z") or 0
    assert date_text(moment) == "2025-10-13T00:00:00Z"
    assert date_text(moment, zone=False) == "2025-10-13T00:00:00"
    assert text(instants.at(1)) == "0001-01-01T00:00:00Z"
