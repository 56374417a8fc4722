"""When a tenant is due, decision by decision. test_cadence_simulated.py runs months of them in every zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from st_pipeline.schedule.due_times import PAUSES, Due, Reason, State, is_due, next_sync, parse, regular_times
from st_pipeline.schedule.regular_times import RegularTimes

MINUTE = timedelta(minutes=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NEW = State(connected_since=LONG_AGO, last_success_due=None)


def at(text: str) -> datetime:
    """``10 02:00`` is that time in June 2026, UTC."""
    return datetime.strptime(f"2026-06-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def after_success(due_for: str) -> State:
    return replace(NEW, last_success_due=at(due_for))


def after_failures(*starts: str, ended: str | None = None, served: str = "09 02:00") -> State:
    """Failed syncs; the last one ended a minute after its start unless given otherwise."""
    failed = tuple(map(at, starts))
    return replace(
        after_success(served), failed_starts=failed, last_ended_at=at(ended) if ended else failed[-1] + MINUTE
    )


def due(cadence: str, state: State, now: str, zone: str = "UTC", key: str = "acme") -> Due | None:
    return next_sync(parse(cadence), zone, state, at(now), key)


# Exact times without a tenant's delay, which only cadences have that are due at most hourly.
HOURLY_ISH = "0,59 2 * * *"  # 02:00 and 02:59, every day


def test_a_synced_tenant_is_due_at_the_next_scheduled_time_plus_its_delay() -> None:
    start = RegularTimes(parse("nightly"), "UTC").start(at("11 02:00"), "acme")
    assert at("11 02:00") < start < at("11 02:30")
    assert due("nightly", after_success("10 02:00"), "10 12:00") == Due(start, Reason.REGULAR, at("11 02:00"))
    assert due("nightly", after_success("10 02:00"), "11 02:00") == Due(start, Reason.REGULAR, at("11 02:00"))
    assert not is_due(parse("nightly"), "UTC", after_success("10 02:00"), start - MINUTE, "acme")
    assert is_due(parse("nightly"), "UTC", after_success("10 02:00"), start, "acme")


def test_a_tenant_connected_five_minutes_ago_is_due_at_once() -> None:
    for cadence in ("nightly", "weekly", "monthly last", "every 1m", "every 31d", "0 0 29 2 *"):
        state = replace(NEW, connected_since=at("10 11:55"))
        found = due(cadence, state, "10 12:00")
        assert found
        assert (found.at, found.reason) == (at("10 11:55"), Reason.FIRST)
        assert is_due(parse(cadence), "UTC", state, at("10 12:00"), "acme")


def test_a_first_sync_between_a_regular_time_and_its_delay_serves_that_time() -> None:
    state = replace(NEW, connected_since=at("10 01:59"))
    start = RegularTimes(parse("nightly"), "UTC").start(at("10 02:00"), "acme")
    assert start > at("10 02:01")
    assert due("nightly", state, "10 02:01") == Due(at("10 01:59"), Reason.FIRST, at("10 02:00"))


def test_a_tenant_connected_outside_its_window_starts_with_the_window() -> None:
    state = replace(NEW, connected_since=at("10 12:00"))
    found = due("nightly 03:00 between 20:00 and 06:00", state, "10 12:05")
    assert found == Due(at("10 20:00"), Reason.FIRST, at("10 12:00"))


def test_a_tenant_that_is_disabled_paused_or_never_connected_is_never_due() -> None:
    assert due("nightly", replace(NEW, connected_since=None), "10 12:00") is None
    assert due("nightly", replace(NEW, enabled=False), "10 12:00") is None
    assert due("paused", NEW, "10 12:00") is None
    assert not is_due(parse("paused"), "UTC", NEW, at("10 12:00"), "acme")
    assert regular_times(parse("paused"), "UTC", LONG_AGO, 5) == []


def test_after_a_pause_of_days_there_is_one_catch_up_and_not_ten() -> None:
    state = after_success("01 02:00")
    found = due(HOURLY_ISH, state, "11 12:00")
    assert found == Due(at("11 02:59"), Reason.CATCH_UP, at("11 02:59"))
    served = after_success("11 02:59")
    assert due(HOURLY_ISH, served, "11 12:05") == Due(at("12 02:00"), Reason.REGULAR, at("12 02:00"))


def test_a_slightly_late_sync_is_not_a_catch_up() -> None:
    found = due(HOURLY_ISH, after_success("10 02:59"), "11 02:09")
    assert found == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))


def test_a_catch_up_waits_for_the_window() -> None:
    cadence = "0,30 2 * * * between 20:00 and 06:00"
    found = due(cadence, after_success("09 02:30"), "10 07:00")
    assert found == Due(at("10 20:00"), Reason.CATCH_UP, at("10 02:30"))


def test_a_catch_up_at_the_next_scheduled_time_is_a_regular_sync() -> None:
    cadence = "0,30 2 * * * between 02:00 and 06:00"
    assert due(cadence, after_success("09 02:30"), "10 07:00") == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))


def test_a_failed_sync_is_retried_after_growing_pauses_and_then_no_more() -> None:
    starts = ["10 02:59"]
    for pause in PAUSES:
        state = after_failures(*starts)
        found = due(HOURLY_ISH, state, "10 02:59")
        expected = at(starts[-1]) + MINUTE + pause
        assert found == Due(expected, Reason.RETRY, at("10 02:59"))
        starts.append(f"{expected:%d %H:%M}")
    assert list(PAUSES) == sorted(PAUSES)
    assert len(PAUSES) == 4
    assert due(HOURLY_ISH, after_failures(*starts), "10 12:00") == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))


def test_retries_are_counted_per_scheduled_time() -> None:
    yesterday = ["10 02:59", "10 03:05", "10 03:20", "10 04:10", "10 06:15"]
    found = due(HOURLY_ISH, after_failures(*yesterday), "11 02:01")
    assert found == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))
    found = due(HOURLY_ISH, after_failures(*yesterday, "11 02:01"), "11 02:03")
    assert found == Due(at("11 02:07"), Reason.RETRY, at("11 02:00"))


def test_a_retry_is_never_at_the_next_regular_time_or_later() -> None:
    # The third pause would end at 03:20, but 02:59 comes first.
    state = after_failures("10 02:00", "10 02:06", "10 02:25", ended="10 02:35")
    assert due(HOURLY_ISH, state, "10 02:36") == Due(at("10 02:59"), Reason.REGULAR, at("10 02:59"))


def test_closely_spaced_times_wait_longer_after_each_failure() -> None:
    state = after_failures("10 12:00", ended="10 12:00", served="10 11:59")
    assert due("every 1m", state, "10 12:00") == Due(at("10 12:05"), Reason.REGULAR, at("10 12:05"))
    assert due("every 1m", state, "10 12:03") == Due(at("10 12:05"), Reason.REGULAR, at("10 12:05"))
    state = after_failures("10 12:00", "10 12:05", ended="10 12:05", served="10 11:59")
    assert due("every 1m", state, "10 12:06") == Due(at("10 12:20"), Reason.REGULAR, at("10 12:20"))
    state = after_failures(*(f"10 12:{minute:02}" for minute in range(20)), ended="10 12:19", served="10 11:59")
    assert due("every 1m", state, "10 12:20") == Due(at("10 12:34"), Reason.REGULAR, at("10 12:34"))


def test_closely_spaced_times_wait_two_hours_after_a_rejection() -> None:
    state = replace(
        after_failures("10 12:00", ended="10 12:00", served="10 11:59"),
        last_failure_is_permanent=True,
    )
    assert due("every 1m", state, "10 12:00") == Due(at("10 14:00"), Reason.REGULAR, at("10 14:00"))
    nightly = due("nightly", state, "10 12:00")
    assert nightly and nightly.due_for == at("11 02:00")
    corrected = replace(state, credentials_changed_at=at("10 12:30"))
    assert due("every 1m", corrected, "10 12:31") == Due(at("10 12:31"), Reason.REGULAR, at("10 12:31"))


def test_a_retry_waits_for_the_window_or_is_left_to_the_next_regular_time() -> None:
    cadence = "0,30 5 * * * between 20:00 and 06:00"
    state = after_failures("10 05:30", ended="10 05:58", served="10 05:00")
    assert due(cadence, state, "10 05:59") == Due(at("10 20:00"), Reason.RETRY, at("10 05:30"))
    cadence = "0,30 5 * * * between 05:00 and 06:00"
    assert due(cadence, state, "10 05:59") == Due(at("11 05:00"), Reason.REGULAR, at("11 05:00"))


def test_a_retry_that_was_missed_happens_now() -> None:
    state = after_failures("10 02:59")
    assert due(HOURLY_ISH, state, "10 12:00") == Due(at("10 03:05"), Reason.RETRY, at("10 02:59"))
    assert is_due(parse(HOURLY_ISH), "UTC", state, at("10 12:00"), "acme")


def test_refused_credentials_wait_for_the_next_regular_time() -> None:
    refused = replace(after_failures("10 02:59"), last_failure_is_permanent=True)
    assert due(HOURLY_ISH, refused, "10 12:00") == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))
    assert is_due(parse(HOURLY_ISH), "UTC", refused, at("11 02:00"), "acme")
    first = replace(
        NEW, connected_since=at("10 12:00"), failed_starts=(at("10 12:01"),), last_failure_is_permanent=True
    )
    assert due(HOURLY_ISH, first, "10 12:10") == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))


def test_changed_credentials_are_used_at_once() -> None:
    refused = replace(after_failures("09 02:59", "10 02:00", "10 02:59"), last_failure_is_permanent=True)
    changed = replace(refused, credentials_changed_at=at("10 11:00"))
    found = due(HOURLY_ISH, changed, "10 11:01")
    assert found == Due(at("10 02:59"), Reason.CATCH_UP, at("10 02:59"))
    again = replace(changed, failed_starts=(*changed.failed_starts, at("10 11:01")), last_ended_at=at("10 11:02"))
    assert due(HOURLY_ISH, again, "10 11:03") == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))
    # Failures that were not rejections, and that have no retry left, are forgotten too.
    tired = after_failures("10 02:59", "10 03:05", "10 03:20", "10 04:10", "10 06:15")
    assert is_due(
        parse(HOURLY_ISH), "UTC", replace(tired, credentials_changed_at=at("10 11:00")), at("10 11:01"), "acme"
    )


def test_a_failed_first_sync_is_retried() -> None:
    state = replace(NEW, connected_since=at("10 12:00"), failed_starts=(at("10 12:00"),), last_ended_at=at("10 12:02"))
    assert due("weekly", state, "10 12:03") == Due(at("10 12:07"), Reason.RETRY, at("10 12:00"))


def test_while_a_sync_runs_nothing_is_due_and_the_next_sync_is_known() -> None:
    for state in (NEW, after_success("09 02:59"), after_failures("10 02:00")):
        running = replace(state, running=True)
        found = due(HOURLY_ISH, running, "10 03:00")
        assert found == Due(at("11 02:00"), Reason.REGULAR, at("11 02:00"))
        assert not is_due(parse(HOURLY_ISH), "UTC", running, at("11 02:30"), "acme")


def test_a_sync_by_hand_that_started_after_the_regular_time_has_served_it() -> None:
    state = replace(NEW, last_success_due=at("10 02:01"))  # before acme's delay is over
    found = due("nightly", state, "10 02:02")
    assert found
    assert found.due_for == at("11 02:00")


def test_a_new_cadence_starts_from_the_times_already_served() -> None:
    served = after_success("09 02:00")  # a Tuesday
    weekly = due("weekly", served, "09 12:00")
    assert weekly
    assert weekly.due_for == at("15 02:00")
    hourly = due("every 30m", served, "09 12:10")
    assert hourly == Due(at("09 12:00"), Reason.REGULAR, at("09 12:00"))


def test_the_preview_is_what_the_cadence_says_without_a_delay() -> None:
    times = regular_times(parse("weekly fri 03:00"), "America/New_York", at("10 12:00"), 3)
    assert times == [at("12 07:00"), at("19 07:00"), at("26 07:00")]


def test_instants_of_other_zones_are_the_same_instants() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    state = replace(NEW, connected_since=at("10 11:55").astimezone(tokyo))
    found = next_sync(parse("nightly"), "UTC", state, at("10 12:00").astimezone(tokyo), "acme")
    assert found == due("nightly", replace(NEW, connected_since=at("10 11:55")), "10 12:00")
    assert found
    assert found.at.tzinfo is UTC
    assert found.due_for.tzinfo is UTC


@pytest.mark.parametrize("failures", range(4))
def test_failures_in_a_row_are_counted(failures: int) -> None:
    assert replace(NEW, failed_starts=(LONG_AGO,) * failures).failures_in_a_row == failures
