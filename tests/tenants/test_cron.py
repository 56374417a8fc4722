"""Cron expressions, against the reading that the orchestrator brings with it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from dagster._vendored.croniter.croniter import CroniterBadDateError, croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from st_pipeline.tenants.cadence import EVERY_DAY, EVERY_WEEKDAY
from st_pipeline.tenants.cron import calendar_of


def field(first: int, last: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    # The other reads 3-3, and so 59/1 of the minutes, as all numbers; crontab(5) has it as the one.
    ends = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    spans = ends.map(lambda ends: f"{ends[0]}-{ends[1]}")
    spans = spans | st.just("*") | number.map(str)
    parts = st.one_of(
        spans,
        st.tuples(spans.filter(lambda span: span != str(last)), st.integers(1, last)).map(
            lambda part: f"{part[0]}/{part[1]}"
        ),
        *([st.sampled_from(names)] if names else []),
    )
    return st.just("*") | st.lists(parts, min_size=1, max_size=3).map(",".join)


EXPRESSIONS = st.tuples(
    field(0, 59), field(0, 23), field(1, 31), field(1, 12, ("jan", "FEB", "dec")), field(0, 6, ("sun", "MON", "sat"))
).map(" ".join)


@settings(deadline=None, max_examples=300)
@given(EXPRESSIONS, st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)))
def test_an_expression_means_what_it_means_to_the_orchestrator(expression: str, after: datetime) -> None:
    calendar = calendar_of(expression)
    assert calendar
    # All days written as a range or list are all days here, as * is; the other takes them for a choice.
    _, _, day, _, weekday = expression.split()
    assume(day == "*" or calendar.days != EVERY_DAY)
    assume(weekday == "*" or calendar.weekdays != EVERY_WEEKDAY)
    try:
        expected: datetime = croniter(expression, after).get_next(datetime)
    except CroniterBadDateError:
        assert not calendar.has_any_day
        return
    assert calendar.has_any_day
    days = (after.date() + timedelta(days=n) for n in range(9 * 366))
    found = next(
        at
        for day in days
        if calendar.has_day(day)
        for at in (datetime.combine(day, time) for time in calendar.times)
        if at > after
    )
    assert found == expected


@pytest.mark.parametrize(
    ("expression", "weekdays"),
    [
        ("0 0 * * 7", {6}),
        ("0 0 * * 0", {6}),
        ("0 0 * * 3-3", {2}),
        ("0 0 * * 5-7", {4, 5, 6}),
        ("0 0 * * 1/3", {0, 3}),
        ("0 0 * * */2", {6, 1, 3, 5}),
    ],
)
def test_sunday_is_nought_and_seven(expression: str, weekdays: set[int]) -> None:
    calendar = calendar_of(expression)
    assert calendar
    assert calendar.weekdays == weekdays


def test_a_day_of_the_month_or_of_the_week_suffices_where_both_are_given() -> None:
    calendar = calendar_of("0 12 13 * fri")
    assert calendar
    assert calendar.has_day(date(2026, 10, 13))  # a Tuesday
    assert calendar.has_day(date(2026, 10, 16))  # a Friday
    assert not calendar.has_day(date(2026, 10, 14))


def test_days_that_a_month_lacks_are_left_out_as_cron_does() -> None:
    calendar = calendar_of("0 0 31 * *")
    assert calendar
    assert [month for month in range(1, 13) if calendar.has_day(date(2026, month, 28) + timedelta(days=3))] == [
        1, 3, 5, 7, 8, 10, 12,
    ]  # fmt: skip
    assert not calendar.has_day(date(2026, 4, 30))


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"])
def test_a_day_that_no_month_has_is_known(expression: str) -> None:
    calendar = calendar_of(expression)
    assert calendar
    assert not calendar.has_any_day


def test_times_are_in_order_and_once() -> None:
    calendar = calendar_of("30,0,0-30/30 4,2 * * *")
    assert calendar
    assert calendar.times == (time(2), time(2, 30), time(4), time(4, 30))


@pytest.mark.parametrize(
    "wrong",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *",
     "1-2-3 * * * *", ", * * * *", "a * * * *", "* * * mon *", "-1 * * * *", "1/99999999999 * * * *", "٣ * * * *",
     "1,,2 * * * *", "*/ * * * *", "*-5 * * * *", "* * L * *", "@daily", "* * * * 8", "1.5 * * * *"],
)  # fmt: skip
def test_what_is_no_cron_expression_is_none(wrong: str) -> None:
    assert calendar_of(wrong) is None
