"""What a cadence is."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from st_pipeline.tenants.cadence import Calendar, Window
from st_pipeline.tenants.cadence_parsing import parse


def days(rule: object, year: int, month: int) -> list[int]:
    assert isinstance(rule, Calendar)
    first = date(year, month, 1)
    return [day.day for n in range(31) if (day := first + timedelta(days=n)).month == month and rule.has_day(day)]


@pytest.mark.parametrize(
    ("text", "year", "month", "expected"),
    [
        ("monthly", 2026, 2, [1]),
        ("monthly 28", 2026, 2, [28]),
        ("monthly 29", 2026, 2, [28]),
        ("monthly 29", 2028, 2, [29]),
        ("monthly 30", 2028, 2, [29]),
        ("monthly 29", 2100, 2, [28]),
        ("monthly 31", 2026, 4, [30]),
        ("monthly 31", 2026, 5, [31]),
        ("monthly last", 2026, 4, [30]),
        ("monthly 30", 2026, 5, [30]),
        ("weekly", 2026, 2, [2, 9, 16, 23]),
        ("weekly sun", 2026, 2, [1, 8, 15, 22]),
        ("nightly", 2026, 2, list(range(1, 29))),
    ],
)
def test_the_days_of_a_month(text: str, year: int, month: int, expected: list[int]) -> None:
    assert days(parse(text).rule, year, month) == expected


@pytest.mark.parametrize(
    ("text", "is_spread"),
    [("nightly", True), ("every 59m", False), ("every 1h", True), ("0 * * * *", True), ("0,30 2 * * *", False),
     ("30 5 * * *", True), ("0 0,23 * * *", True), ("30 0,23 * * *", True), ("45,0 0,23 * * *", False),
     ("paused", False)],
)  # fmt: skip
def test_times_are_spread_where_they_are_an_hour_apart(text: str, is_spread: bool) -> None:
    assert parse(text).is_spread is is_spread


def test_a_window_that_ends_earlier_than_it_begins_is_over_midnight() -> None:
    assert Window(time(20), time(6)).is_over_midnight
    assert Window(time(20), time(0)).is_over_midnight
    assert not Window(time(1), time(6)).is_over_midnight
