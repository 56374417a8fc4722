"""Local times on clocks that change."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.schedule.wall_clock import Hours, instant_of
from st_pipeline.tenants.cadence import Window

ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})
MINUTE = timedelta(minutes=1)
TIMES = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0))


def changes(zone: str, year: int) -> list[date]:
    """The days of a year on which the clocks change."""
    here = ZoneInfo(zone)
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    offsets = [day.astimezone(here).utcoffset() for day in days]
    return [day.astimezone(here).date() for day, a, b in zip(days, offsets, offsets[1:], strict=False) if a != b]


def wall(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@settings(deadline=None, max_examples=250)
@given(st.data(), st.sampled_from(ZONES), st.integers(1975, 2060), TIMES)
def test_a_time_is_the_first_instant_at_which_the_clock_has_reached_it(
    data: st.DataObject, zone: str, year: int, at: time
) -> None:
    day = data.draw(st.sampled_from([date(year, 6, 1), *changes(zone, year)])) + timedelta(
        days=data.draw(st.integers(-1, 1))
    )
    found = instant_of(day, at, zone)
    wanted = datetime.combine(day, at)
    assert wall(found, zone) >= wanted
    # As far back as any clock was ever moved.
    assert all(wall(found - n * MINUTE, zone) < wanted for n in range(1, 25 * 60, 7))
    assert wall(found - timedelta(seconds=1), zone) < wanted


def test_times_around_clock_changes_never_descend_in_any_zone() -> None:
    around = [-1, 0, 1]
    for number, zone in enumerate(ZONES):
        days = sorted({day + timedelta(days=n) for day in changes(zone, 1975 + number % 75) for n in around})
        instants = [
            instant_of(day, time(hour, minute), zone) for day in days for hour in range(24) for minute in (0, 40)
        ]
        assert instants == sorted(instants), zone


@pytest.mark.parametrize(
    ("zone", "day", "at", "instant"),
    [
        ("America/New_York", date(2026, 3, 8), time(2), "2026-03-08T07:00Z"),  # skipped: 3:00 EDT
        ("America/New_York", date(2026, 3, 8), time(2, 59), "2026-03-08T07:00Z"),
        ("America/New_York", date(2026, 3, 8), time(3), "2026-03-08T07:00Z"),
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30Z"),  # twice: the first, EDT
        ("America/New_York", date(2026, 11, 1), time(2), "2026-11-01T07:00Z"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:00Z"),
        ("Europe/Berlin", date(2026, 10, 25), time(2), "2026-10-25T00:00Z"),
        ("Africa/Cairo", date(2026, 4, 24), time(0), "2026-04-23T22:00Z"),  # midnight itself is skipped
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:30Z"),  # half an hour
        ("Pacific/Apia", date(2011, 12, 30), time(2), "2011-12-30T10:00Z"),  # a whole day: the 31st at 0:00
        ("Pacific/Apia", date(2011, 12, 31), time(2), "2011-12-30T12:00Z"),
        ("America/Phoenix", date(2026, 3, 8), time(2), "2026-03-08T09:00Z"),
        ("Asia/Kathmandu", date(2026, 3, 8), time(2), "2026-03-07T20:15Z"),
    ],
)
def test_changes_by_name(zone: str, day: date, at: time, instant: str) -> None:
    assert instant_of(day, at, zone) == datetime.fromisoformat(instant.replace("Z", "+00:00"))


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
    st.lists(TIMES, min_size=2, max_size=2, unique=True),
)
def test_a_window_follows_the_local_clock(zone: str, at: datetime, ends: list[time]) -> None:
    start, end = ends
    hours = Hours(Window(start, end), zone)
    shown = wall(at, zone).time()
    inside = start <= shown < end if start < end else shown >= start or shown < end
    following, last = hours.next_allowed(at), hours.last_allowed(at)
    if changes(zone, at.year) == []:
        assert (following == at) is (last == at) is inside
    assert last <= at <= following
    assert (last == at) == (following == at)
    assert hours.next_allowed(following) == following == hours.last_allowed(following)
    assert hours.last_allowed(last) == last
    closes = hours.end(at)
    assert closes is not None
    assert following < closes
    assert hours.last_allowed(closes) < closes or hours.next_allowed(closes) == closes
    if following > at:
        assert following - last <= timedelta(days=2)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (time(2), time(3), 60),
        (time(2), time(2, 16), 16),
        (time(2, 15), time(2, 45), 30),
        (time(2, 30), time(3, 15), 15),
    ],
)
def test_a_skipped_window_follows_the_gap_and_a_partly_skipped_one_keeps_its_end(
    start: time, end: time, minutes: int
) -> None:
    """Not compared by instant, because a check every minute comes a moment later."""
    hours = Hours(Window(start, end), "America/New_York")
    opens = datetime(2026, 3, 8, 7, tzinfo=UTC)
    closes = opens + minutes * MINUTE
    assert hours.next_allowed(opens - timedelta(hours=3)) == opens
    assert hours.next_allowed(opens) == opens
    assert hours.next_allowed(closes - MINUTE) == closes - MINUTE
    assert hours.end(opens) == closes
    following = datetime.combine(date(2026, 3, 9), start, UTC) + timedelta(hours=4)
    assert hours.next_allowed(closes) == following


def test_without_a_window_every_hour_is_allowed() -> None:
    at = datetime(2026, 3, 8, 7, tzinfo=UTC)
    hours = Hours(None, "America/New_York")
    assert hours.next_allowed(at) == hours.last_allowed(at) == at
    assert hours.end(at) is None
