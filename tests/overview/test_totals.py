from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from st_pipeline.history import recorder
from st_pipeline.overview.totals import midnight, read_busiest, read_day, read_failed_today
from st_pipeline.servicetitan.calls import CallLog
from tests.support.past import DAY, HOUR, MINUTE, NOW, Past, calls

SECOND = timedelta(seconds=1)


def test_a_day_has_syncs_that_ended_in_24_hours(past: Past) -> None:
    past.tenant()
    past.sync(NOW - DAY - MINUTE, seconds=60, error="ended a day ago: no more in it")
    past.sync(NOW - DAY - MINUTE, seconds=61)
    past.sync(NOW - HOUR, seconds=100, error="no")
    past.sync(NOW - 10 * SECOND, seconds=10)
    past.sync(NOW - 10 * SECOND, seconds=11, error="ends later")
    day = read_day(past.connection, [], NOW)
    assert (day.succeeded, day.failed, day.success_rate) == (2, 1, pytest.approx(2 / 3))
    assert day.average_seconds == pytest.approx((61 + 100 + 10) / 3)


def test_without_a_sync_totals_are_unknown(past: Past) -> None:
    day = read_day(past.connection, [], NOW)
    assert (day.succeeded, day.failed, day.success_rate, day.average_seconds) == (0, 0, None, None)
    assert (day.calls, day.average_latency, day.p95_latency) == (0, None, None)
    assert read_busiest(past.connection, NOW) is None
    assert read_failed_today(past.connection, [], NOW, "UTC") == 0


def test_a_partial_sync_is_neither_a_success_nor_a_failure_but_its_calls_count(past: Past) -> None:
    past.tenant()
    past.sync(NOW - HOUR, partial=True, error="no", called=[calls(10)])
    past.sync(NOW - HOUR, partial=True, called=[calls(30)])
    recorder.record_start(past.connection, "acme", None, NOW - HOUR, full=False, partial=True)
    day = read_day(past.connection, [], NOW)
    assert (day.success_rate, day.average_seconds, day.calls) == (None, None, 40)
    assert read_failed_today(past.connection, [], NOW, "UTC") == 0


def test_a_killed_sync_failed_when_it_started_and_a_running_one_has_not(past: Past) -> None:
    past.tenant()
    recorder.record_start(past.connection, "acme", None, NOW - 25 * HOUR, full=False)
    recorder.record_start(past.connection, "acme", None, NOW - 13 * HOUR, full=False)
    recorder.record_start(past.connection, "acme", None, NOW - HOUR, full=False)
    running = recorder.record_start(past.connection, "acme", None, NOW - MINUTE, full=False)
    assert read_day(past.connection, [running], NOW).failed == 2
    assert read_failed_today(past.connection, [running], NOW, "UTC") == 1


def test_latencies_cover_all_calls_of_the_day_including_retries_and_failures(past: Past) -> None:
    past.tenant()
    fast, slow, old = CallLog(), CallLog(), CallLog()
    for _ in range(190):
        fast.add("GET /a", status=200, seconds=0.01, size=0, is_retry=False)
    for _ in range(10):
        slow.add("GET /b", status=503, seconds=2.0, size=0, is_retry=True)
    old.add("GET /a", status=200, seconds=100.0, size=0, is_retry=False)
    past.sync(NOW - HOUR, called=fast.snapshot())
    past.sync(NOW - HOUR, error="no", called=slow.snapshot())
    past.sync(NOW - 2 * DAY, called=old.snapshot())
    day = read_day(past.connection, [], NOW)
    assert day.calls == 200
    assert day.average_latency == pytest.approx((190 * 0.01 + 10 * 2.0) / 200)
    assert day.p95_latency
    assert 0.01 <= day.p95_latency <= 0.0125


@pytest.mark.parametrize(
    ("zone", "failed"), [("UTC", 2), ("America/Chicago", 1), ("Asia/Tokyo", 3), ("Pacific/Auckland", 0)]
)
def test_today_begins_at_midnight_of_a_zone(past: Past, zone: str, failed: int) -> None:
    past.tenant()
    for hours in (2, 11, 20):
        past.sync(NOW - hours * HOUR, error="no", seconds=60)
    assert read_failed_today(past.connection, [], NOW, zone) == failed


def test_midnight_is_the_zones_own_on_days_that_change_the_clock() -> None:
    noon = datetime(2026, 3, 8, 17, tzinfo=UTC)
    assert midnight(noon, "America/Chicago") == datetime(2026, 3, 8, 6, tzinfo=UTC)
    assert midnight(noon + DAY, "America/Chicago") == datetime(2026, 3, 9, 5, tzinfo=UTC)


def test_the_busiest_tenant_made_the_most_calls_per_second_in_its_last_sync_of_the_hour(past: Past) -> None:
    for key in ("acme", "bolt", "cole", "dale"):
        past.tenant(key)
    past.sync(NOW - 50 * MINUTE, "acme", seconds=10, called=[calls(500)])
    past.sync(NOW - 30 * MINUTE, "acme", seconds=10, called=[calls(100), calls(20, status=429)])
    past.sync(NOW - 30 * MINUTE, "bolt", seconds=100, called=[calls(900)])
    past.sync(NOW - 2 * HOUR, "cole", seconds=60, called=[calls(6000)])
    past.sync(NOW - 20 * MINUTE, "dale", seconds=0.1, called=[calls(11)])
    past.sync(NOW - 10 * MINUTE, "acme", seconds=10)
    busiest = read_busiest(past.connection, NOW)
    assert busiest
    assert (busiest.tenant, busiest.calls_per_second) == ("acme", pytest.approx(12.0))
