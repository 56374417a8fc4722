"""The scheduled times of cadences."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.schedule.regular_times import LONGEST_DELAY, RegularTimes
from st_pipeline.tenants.cadence_parsing import parse

ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})
PARTS = 20
CADENCES = (
    "nightly", "nightly 00:00", "weekly sun 02:30", "monthly", "monthly 31 23:59", "monthly last 01:30", "every 1m",
    "every 7h", "every 1d", "*/15 * * * *", "0 * * * *", "30 2 * * 1-5", "59 23 28-31 * *", "0 0 29 2 *",
    "nightly between 02:00 and 02:01", "nightly 12:00 between 20:00 and 06:00", "every 1h between 20:00 and 06:00",
    "every 10m between 02:00 and 03:00", "10,50 19,20 * * * between 20:00 and 00:00",
    "10 19,20 * * * between 20:00 and 21:00", "monthly 31 12:00 between 01:00 and 02:00",
)  # fmt: skip
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(CADENCES), st.sampled_from(ZONES), INSTANTS, st.text(max_size=5))
def test_forward_and_backward_agree_at_every_instant(text: str, zone: str, now: datetime, key: str) -> None:
    times = RegularTimes(parse(text), zone)
    before, after = times.until(now), times.after(now)
    assert before <= now < after
    assert times.after(before) == after
    assert times.until(after) == after
    assert times.until(after - timedelta.resolution) == before
    assert times.after(before - timedelta.resolution) == before
    for regular in (before, after):
        assert times.hours.next_allowed(regular) == regular
        start = times.start(regular, key)
        assert regular <= start < max(times.after(regular), regular + timedelta.resolution)
        assert start - regular <= LONGEST_DELAY
        assert times.hours.next_allowed(start) == start


@pytest.mark.parametrize("first", range(PARTS))
def test_in_every_zone_a_year_has_each_night_once(first: int) -> None:
    for number in range(first, len(ZONES), PARTS):
        _check_nights(ZONES[number], 1990 + number % 60)


@pytest.mark.parametrize(("zone", "year"), [("Pacific/Apia", 2011), ("Pacific/Kwajalein", 1993)])
def test_a_night_skipped_by_a_zone_is_the_first_instant_of_the_next_day(zone: str, year: int) -> None:
    _check_nights(zone, year)


def _check_nights(zone: str, year: int) -> None:
    times = RegularTimes(parse("nightly 02:30"), zone)
    here = ZoneInfo(zone)
    found = [times.after(datetime(year, 1, 1, tzinfo=here))]
    while found[-1].astimezone(here) < datetime(year, 12, 31, tzinfo=here):
        found.append(times.after(found[-1]))
    nights = Counter(now.astimezone(here).date() for now in found)
    days = [date(year, 1, 1) + timedelta(days=n) for n in range((date(year, 12, 31) - date(year, 1, 1)).days)]
    for day in days:
        is_left_out = datetime.combine(day, time(12)) != _there_and_back(datetime.combine(day, time(12)), here)
        follows_one = day - timedelta(days=1) not in nights and day != days[0]
        assert nights[day] == (0 if is_left_out else 2 if follows_one else 1), (zone, day)
    for now in found:
        shown = now.astimezone(here).replace(tzinfo=None)
        if shown.time() != time(2, 30):
            before = (now - timedelta(seconds=1)).astimezone(here).replace(tzinfo=None)
            # The clock has just passed half past two, or skipped the whole day that the night belongs to.
            is_over = before < datetime.combine(before.date(), time(2, 30)) < shown
            assert is_over or shown - before > timedelta(days=1), (zone, now)


def _there_and_back(shown: datetime, here: ZoneInfo) -> datetime:
    return shown.replace(tzinfo=here).astimezone(UTC).astimezone(here).replace(tzinfo=None)


def some(text: str, zone: str, after: str, n: int) -> list[str]:
    times, now = RegularTimes(parse(text), zone), at(after)
    found = []
    for _ in range(n):
        now = times.after(now)
        found.append(f"{now:%Y-%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        # A skipped hour: the first instant after it, and times within it count once.
        ("nightly", "America/New_York", "2026-03-07T12:00Z", ["2026-03-08 07:00", "2026-03-09 06:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z",
         ["2026-03-29 00:30", "2026-03-29 01:00", "2026-03-29 01:30"]),
        # A repeated hour: only the first of the two.
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["2026-11-01 05:30", "2026-11-02 06:30"]),
        ("0 * * * *", "America/New_York", "2026-11-01T04:30Z", ["2026-11-01 05:00", "2026-11-01 07:00"]),
        # Intervals measure elapsed time, so neither matters.
        ("every 1h", "America/New_York", "2026-11-01T04:30Z",
         ["2026-11-01 05:00", "2026-11-01 06:00", "2026-11-01 07:00"]),
        ("every 6h", "America/New_York", "2026-03-08T00:00Z", ["2026-03-08 06:00", "2026-03-08 12:00"]),
        # Short months, leap years, 2100.
        ("monthly 31", "UTC", "2026-01-31T12:00Z", ["2026-02-28 02:00", "2026-03-31 02:00", "2026-04-30 02:00"]),
        ("monthly 30", "UTC", "2028-02-01T00:00Z", ["2028-02-29 02:00", "2028-03-30 02:00"]),
        ("monthly 29", "UTC", "2100-02-01T00:00Z", ["2100-02-28 02:00", "2100-03-29 02:00"]),
        ("monthly last 03:00", "UTC", "2028-02-01T00:00Z", ["2028-02-29 03:00", "2028-03-31 03:00"]),
        ("0 0 31 * *", "UTC", "2026-01-31T12:00Z", ["2026-03-31 00:00", "2026-05-31 00:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 *", "UTC", "2096-03-01T00:00Z", ["2104-02-29 00:00"]),
        # The day is the tenant's, not the UTC day.
        ("monthly 1 00:30", "Pacific/Kiritimati", "2026-01-15T00:00Z", ["2026-01-31 10:30", "2026-02-28 10:30"]),
        ("weekly", "Pacific/Pago_Pago", "2026-06-01T00:00Z", ["2026-06-01 13:00", "2026-06-08 13:00"]),
        # A day missing from the calendar: its night is the first instant of the next day.
        ("nightly", "Pacific/Apia", "2011-12-29T00:00Z",
         ["2011-12-29 12:00", "2011-12-30 10:00", "2011-12-30 12:00"]),
        # A time outside the window moves to its opening, and coincides with the others there.
        ("nightly between 03:00 and 05:00", "UTC", "2026-06-01T00:00Z", ["2026-06-01 03:00", "2026-06-02 03:00"]),
        ("every 6h between 20:00 and 06:00", "UTC", "2026-06-01T00:00Z",
         ["2026-06-01 20:00", "2026-06-02 00:00", "2026-06-02 20:00"]),
        ("weekly sun 12:00 between 01:00 and 02:00", "UTC", "2026-06-01T01:00Z", ["2026-06-08 01:00"]),
        ("30 2 * * * between 02:00 and 03:00", "America/New_York", "2026-03-07T12:00Z",
         ["2026-03-08 07:00", "2026-03-09 06:30"]),
    ],
)  # fmt: skip
def test_awkward_dates_by_name(text: str, zone: str, after: str, expected: list[str]) -> None:
    assert some(text, zone, after, len(expected)) == expected


def test_a_midnight_that_comes_twice_is_over_after_the_first() -> None:
    times = RegularTimes(parse("nightly 00:00"), "America/St_Johns")
    midnight = at("2010-11-07T02:30Z")  # a minute later it was 23:01 again, on the 6th
    for minutes in (0, 1, 30, 60, 90):
        now = midnight + timedelta(minutes=minutes)
        assert times.until(now) == midnight
        assert times.after(now) == at("2010-11-08T03:30Z")


def test_each_tenant_has_its_own_delay_and_keeps_it() -> None:
    times = RegularTimes(parse("nightly"), "UTC")
    tonight, tomorrow = at("2026-06-01T02:00Z"), at("2026-06-02T02:00Z")
    delays = [times.start(tonight, f"tenant-{n}") - tonight for n in range(300)]
    assert delays == [times.start(tomorrow, f"tenant-{n}") - tomorrow for n in range(300)]
    assert min(delays) >= timedelta(0)
    assert max(delays) < LONGEST_DELAY
    # Even spread: every five minutes of the thirty have between half and double their share of 50.
    shares = Counter(delay // timedelta(minutes=5) for delay in delays)
    assert set(shares) == set(range(6))
    assert all(25 <= share <= 100 for share in shares.values())


@pytest.mark.parametrize("text", ["every 1m", "every 59m", "*/15 * * * *", "0,30 2 * * *"])
def test_cadences_shorter_than_an_hour_have_no_delay(text: str) -> None:
    times = RegularTimes(parse(text), "UTC")
    regular = times.after(at("2026-06-01T00:00Z"))
    assert {times.start(regular, f"tenant-{n}") for n in range(50)} == {regular}


def test_a_delay_leaves_a_quarter_of_an_hour_of_the_window() -> None:
    regular = at("2026-06-01T02:00Z")

    def starts(until: str) -> set[datetime]:
        times = RegularTimes(parse(f"nightly 02:00 between 01:00 and {until}"), "UTC")
        return {times.start(regular, f"tenant-{n}") for n in range(200)}

    assert max(starts("02:25")) < at("2026-06-01T02:10Z")
    assert len(starts("02:25")) > 100
    assert starts("02:15") == starts("02:10") == starts("02:01") == {regular}


def test_a_delay_never_passes_the_next_time() -> None:
    times = RegularTimes(parse("10 19,20 * * * between 20:00 and 21:00"), "UTC")
    opens = at("2026-06-01T20:00Z")
    assert times.until(opens) == opens
    assert times.after(opens) == at("2026-06-01T20:10Z")
    assert max(times.start(opens, f"tenant-{n}") for n in range(200)) < at("2026-06-01T20:10Z")


def test_a_paused_cadence_has_no_times() -> None:
    with pytest.raises(ValueError, match="paused"):
        RegularTimes(parse("paused"), "UTC").after(at("2026-06-01T00:00Z"))


def test_days_far_apart_are_found_from_any_date() -> None:
    times = RegularTimes(parse("0 0 29 2 *"), "UTC")
    assert times.until(at("2104-02-28T23:59Z")).date() == date(2096, 2, 29)
