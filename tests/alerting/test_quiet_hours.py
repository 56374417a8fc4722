"""quiet_hours.py: which hours are quiet, and which alerts wait."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.alerting.quiet_hours import QuietHours, is_held, parse_quiet_hours
from st_pipeline.rules.findings import Severity
from st_pipeline.settings import SettingsError

NIGHT = parse_quiet_hours("22:00-07:00 America/Chicago")


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [
        (datetime(2026, 7, 1, 2, 59), False),  # 21:59 local time
        (datetime(2026, 7, 1, 3, 0), True),
        (datetime(2026, 7, 1, 11, 59), True),
        (datetime(2026, 7, 1, 12, 0), False),
        (datetime(2026, 1, 1, 12, 59), True),  # an hour later in winter
        (datetime(2026, 1, 1, 13, 0), False),
        (datetime(2026, 11, 1, 6, 30), True),  # the first and
        (datetime(2026, 11, 1, 7, 30), True),  # the second half past one
        (datetime(2026, 3, 8, 8, 30), True),  # just after the skipped hour
    ],
)
def test_quiet_hours_cross_midnight_in_their_zone(at: datetime, is_quiet: bool) -> None:
    assert NIGHT.is_quiet(at.replace(tzinfo=UTC)) is is_quiet


def test_quiet_hours_within_a_day_and_without_a_zone() -> None:
    noon = parse_quiet_hours(" 9:30 - 13:00 ")
    assert noon == QuietHours(time(9, 30), time(13), ZoneInfo("UTC"))
    asked = [datetime(2026, 7, 1, hour, 30, tzinfo=UTC) for hour in (8, 9, 12, 13)]
    assert [noon.is_quiet(at) for at in asked] == [False, True, True, False]


def test_only_alerts_that_can_wait_are_held_and_only_in_quiet_hours() -> None:
    night, day = datetime(2026, 7, 1, 5, tzinfo=UTC), datetime(2026, 7, 1, 15, tzinfo=UTC)
    assert is_held(Severity.CAN_WAIT, NIGHT, night)
    assert not is_held(Severity.NOW, NIGHT, night)
    assert not is_held(Severity.CAN_WAIT, NIGHT, day)
    assert not is_held(Severity.CAN_WAIT, None, night)


@pytest.mark.parametrize(
    "text",
    ["", "night", "22:00", "22:00-25:00", "22:60-07:00", "22:00-22:00", "22:00-07:00 Nowhere/City",
     "22:00-07:00 ../etc", "22:00-07:00 America", "22:00-07:00 UTC UTC"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match=r"ST_PIPELINE_QUIET_HOURS: expected .* like 22:00-07:00 America/Chicago"):
        parse_quiet_hours(text)


@given(st.text())
def test_no_text_breaks_parsing(text: str) -> None:
    try:
        hours = parse_quiet_hours(text)
    except SettingsError:
        return
    assert hours.start != hours.end


@given(st.times().map(lambda t: t.replace(second=0, microsecond=0)), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_every_instant_is_either_quiet_or_not(start: time, end: time, at: datetime) -> None:
    if start == end:
        return
    zone = ZoneInfo("America/New_York")
    at = min(max(at, datetime(1900, 1, 1, tzinfo=UTC)), datetime(9000, 1, 1, tzinfo=UTC))
    assert QuietHours(start, end, zone).is_quiet(at) is not QuietHours(end, start, zone).is_quiet(at)
