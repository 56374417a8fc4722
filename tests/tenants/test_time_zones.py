"""What people call a time zone becomes one official name; what is ambiguous becomes a question."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.tenants.time_zones import ZoneUnclear, find_zone, zone_names


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("America/Chicago", "America/Chicago"),
        (" america/new_york ", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("US/Central", "America/Chicago"),
        ("us/hawaii", "Pacific/Honolulu"),
        ("Central", "America/Chicago"),
        ("Eastern Time", "America/New_York"),
        ("US Pacific", "America/Los_Angeles"),
        ("Mountain Time (US)", "America/Denver"),
        ("arizona", "America/Phoenix"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Amsterdam", "Europe/Amsterdam"),
        ("utc", "UTC"),
        ("Etc/UTC", "UTC"),
    ],
)
def test_one_official_name_for_what_is_meant(text: str, zone: str) -> None:
    assert find_zone(text) == zone


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("EST", "America/New_York"),
        ("EST5EDT", "America/New_York"),
        ("CST", "America/Chicago"),
        ("cdt", "America/Chicago"),
        ("MST", "America/Denver"),
        ("MST7MDT", "America/Denver"),
        ("PT", "America/Los_Angeles"),
        ("HST", "Pacific/Honolulu"),
        ("America/NewYork", "America/New_York"),
    ],
)
def test_an_abbreviation_is_a_question(text: str, meant: str) -> None:
    with pytest.raises(ZoneUnclear, match=f"did you mean {meant}\\?"):
        find_zone(text)


@pytest.mark.parametrize(
    "text", ["", "Etc/GMT+5", "GMT+5", "UTC-6", "+05:00", "GMT", "Factory", "localtime", "posixrules", "../x"]
)
def test_offsets_and_what_is_no_place_are_refused(text: str) -> None:
    with pytest.raises(ZoneUnclear, match="must be a"):
        find_zone(text)


@given(st.sampled_from(sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})))
def test_an_older_name_becomes_a_place_with_the_same_clock(name: str) -> None:
    try:
        found = find_zone(name)
    except ZoneUnclear:
        assert "/" not in name or name.startswith("Etc/")
        return
    assert find_zone(found) == found
    for at in (datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)):
        assert at.astimezone(zoneinfo.ZoneInfo(name)).utcoffset() == at.astimezone(zoneinfo.ZoneInfo(found)).utcoffset()


def test_postgres_knows_every_name_that_can_be_chosen(control: psycopg.Connection) -> None:
    rows = control.execute(
        "select zone from unnest(%s::text[]) zone where not control.knows_zone(zone)", [list(zone_names())]
    )
    assert rows.fetchall() == []
    assert control.execute("select control.knows_zone('Nowhere/Atlantis')").fetchone() == (False,)
