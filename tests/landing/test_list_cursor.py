"""A list's cursor comes from the data, minus an hour, and never moves back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.landing.list_cursor import LIST_OVERLAP, list_cursor
from st_pipeline.landing.values import ticks

INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(INSTANTS, INSTANTS | st.none(), INSTANTS)
def test_the_cursor_is_an_instant_an_hour_before_the_newest_change(
    newest: datetime, old: datetime | None, now: datetime
) -> None:
    before = list_cursor(ticks(old), None) if old else None
    cursor = list_cursor(ticks(newest), before, now)
    assert cursor
    read = datetime.strptime(cursor, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert len(cursor) == len("0001-01-01T00:00:00Z")
    earliest = datetime(1, 1, 1, tzinfo=UTC)
    expected = max(min(newest, now).replace(microsecond=0), earliest + LIST_OVERLAP) - LIST_OVERLAP
    if before:
        expected = max(expected, datetime.strptime(before, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
    assert read == expected


def test_without_any_change_the_cursor_stays_where_it_was() -> None:
    assert list_cursor(None, None) is None
    assert list_cursor(None, "2024-05-01T10:00:00Z") == "2024-05-01T10:00:00Z"


def test_a_record_dated_in_the_future_does_not_carry_the_cursor_past_now() -> None:
    now = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert list_cursor(ticks(now + timedelta(days=9999)), None, now) == "2024-05-01T11:00:00Z"


def test_records_that_were_never_changed_give_the_beginning_of_time_as_the_api_writes_it() -> None:
    assert list_cursor(0, None) == "0001-01-01T00:00:00Z"
