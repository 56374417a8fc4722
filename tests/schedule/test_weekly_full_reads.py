"""Each tenant is read in full once a week at its own hour, and once after a time without a daemon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.schedule import sync_requests
from st_pipeline.schedule.weekly_full_reads import (
    HOURS,
    RECENT,
    REQUESTED_BY,
    WEEK,
    FullRead,
    hour_before,
    is_due,
    read_full_reads,
    request_full_reads,
    select_due,
)
from st_pipeline.tenants.model import Status
from tests.support.past import DAY, HOUR, MINUTE, NOW, Past

CONTACTS = "crm_customer_contacts"
START = datetime(2026, 1, 5, 0, 17, tzinfo=UTC)

keys = st.text("abcdefgh-0123", min_size=1, max_size=12)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def simulate(
    tenants: set[str], rounds: list[datetime], served: Callable[[str], timedelta] = lambda key: timedelta(0)
) -> dict[str, list[datetime]]:
    """When each tenant was requested. All were first read long ago; a read starts ``served`` after its request."""
    readings = {key: FullRead(key, CONTACTS, START - 90 * DAY, START - 90 * DAY) for key in tenants}
    asked: dict[str, list[datetime]] = {key: [] for key in tenants}
    for now in rounds:
        for key in select_due(readings.values(), now):
            asked[key].append(now)
            readings[key] = replace(readings[key], last_read_at=now + served(key))
    return asked


def settled(rounds: list[datetime]) -> list[datetime]:
    """Requests after the first week, in which earlier overdue ones are caught up."""
    return [now for now in rounds if now >= START + WEEK]


@given(keys, instants)
def test_a_tenants_hour_comes_once_a_week_and_is_never_in_the_future(key: str, now: datetime) -> None:
    hour = hour_before(key, now)
    assert hour <= now < hour + WEEK
    assert hour_before(key, hour) == hour
    assert hour_before(key, hour + WEEK) == hour + WEEK
    assert hour_before(key, hour - MINUTE) == hour - WEEK
    assert (hour.minute, hour.second) == (0, 0)


def test_hours_are_spread_over_the_week() -> None:
    hours = Counter(hour_before(f"tenant-{n}", NOW) for n in range(1000))
    assert len(hours) > 0.95 * HOURS
    assert max(hours.values()) < 20


@settings(max_examples=25)
@given(st.sets(keys, min_size=1, max_size=30), st.integers(20, 60), st.integers(0, 26), st.integers(3, 5))
def test_hourly_rounds_read_every_tenant_once_for_each_of_its_hours(
    tenants: set[str], minutes: int, late: int, weeks: int
) -> None:
    rounds = [START + n * timedelta(minutes=minutes) for n in range(int(weeks * WEEK / timedelta(minutes=minutes)))]
    asked = simulate(tenants, rounds, lambda key: timedelta(hours=late))
    for key in tenants:
        after = [hour_before(key, now) for now in asked[key] if now in set(settled(rounds))]
        ends = rounds[-1] - 25 * HOUR
        first = hour_before(key, START + WEEK) + WEEK
        wanted = {first + n * WEEK for n in range(weeks)}
        assert Counter(after)[first] <= 1
        assert all(count == 1 for count in Counter(after).values())
        assert {hour for hour in wanted if hour <= ends} <= set(after)
        assert all(now - hour_before(key, now) <= 25 * HOUR for now in asked[key] if now >= START + 2 * WEEK)


@given(st.sets(keys, min_size=1, max_size=60), st.integers(1, 40))
def test_after_days_without_a_daemon_every_tenant_is_read_once_over_several_rounds(
    tenants: set[str], days_down: int
) -> None:
    before = [START + n * HOUR for n in range(2 * HOURS)]
    back = before[-1] + days_down * DAY
    after = [back + n * HOUR for n in range(30)]
    asked = simulate(tenants, [*before, *after])
    late = {key: [now for now in times if now >= back] for key, times in asked.items()}
    for key, times in late.items():
        missed = hour_before(key, back) > before[-1]
        assert len(times) <= 1 + (hour_before(key, after[-1]) > back and days_down * DAY > RECENT and missed)
        if missed:
            assert times
    rounds = Counter(now for times in late.values() for now in times)
    assert max(rounds.values(), default=0) <= -(-len(tenants) // 24)


@given(keys, st.integers(0, 400), st.integers(0, 200))
def test_no_tenant_is_read_in_full_in_the_week_after_its_first_read(key: str, hours: int, minutes: int) -> None:
    first = START + timedelta(minutes=minutes)
    now = first + timedelta(hours=hours)
    reading = FullRead(key, CONTACTS, first, first)
    if is_due(reading, now):
        assert now - first >= WEEK
        assert hour_before(key, now) - first >= WEEK


def test_a_manual_full_read_counts_for_an_hour_within_days() -> None:
    hour = hour_before("acme", NOW)
    reading = FullRead("acme", CONTACTS, hour - 100 * DAY, hour - 4 * DAY)
    assert not is_due(reading, hour + MINUTE)
    assert is_due(reading, hour + WEEK)


@pytest.fixture
def at(past: Past, control: psycopg.Connection) -> datetime:
    """A minute of acme's hour; acme was first read months ago."""
    control.execute("delete from control.sync_requests")
    past.tenant("acme")
    past.land(NOW - 90 * DAY, "acme", CONTACTS)
    return hour_before("acme", NOW) + 17 * MINUTE


def asked(control: psycopg.Connection) -> list[tuple[object, ...]]:
    return control.execute(
        "select tenant, requested_by, is_full, entities from control.sync_requests order by id"
    ).fetchall()


def test_a_due_full_read_is_requested_once(at: datetime, control: psycopg.Connection) -> None:
    assert request_full_reads(control, at) == {"acme": [CONTACTS]}
    assert request_full_reads(control, at + HOUR) == {}
    assert asked(control) == [("acme", REQUESTED_BY, True, [CONTACTS])]
    control.execute("update control.sync_requests set served_at = %s", (at + HOUR,))
    assert request_full_reads(control, at + 2 * HOUR) == {}
    assert request_full_reads(control, at + WEEK) == {"acme": [CONTACTS]}


def test_a_waiting_request_prevents_another(at: datetime, control: psycopg.Connection) -> None:
    sync_requests.request_sync(control, "acme", "somebody", at - 20 * DAY, full=True)
    assert request_full_reads(control, at) == {}
    control.execute("update control.sync_requests set is_full = false")
    assert request_full_reads(control, at) == {"acme": [CONTACTS]}


def test_a_recent_full_read_counts_and_an_incremental_one_does_not(
    at: datetime, past: Past, control: psycopg.Connection
) -> None:
    past.land(at - DAY, "acme", CONTACTS)
    assert [reading.last_read_at for reading in read_full_reads(control)] == [NOW - 90 * DAY]
    past.land(at - 2 * HOUR, "acme", CONTACTS, full=True)
    assert request_full_reads(control, at) == {}


@pytest.mark.parametrize("state", ["disabled", "refused", "unread"])
def test_tenants_that_cannot_be_read_are_not_requested(
    state: str, at: datetime, past: Past, control: psycopg.Connection
) -> None:
    if state == "disabled":
        past.registry.disable("acme")
    elif state == "refused":
        past.found("acme", Status.REFUSED, "refused", at)
    else:
        control.execute("delete from control.landed_files")
    assert request_full_reads(control, at) == {}
    assert asked(control) == []
