"""API usage by day, tenant, app and endpoint, compared with sums computed by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.history import recorder
from st_pipeline.history.api_usage import Part, read_usage
from st_pipeline.servicetitan.calls import BOUNDS, CallCount
from tests.support.past import DAY, MINUTE, NOW, Past, calls

TODAY = NOW.date()
FIRST = date(2020, 1, 1)


@st.composite
def counts(draw: st.DrawFn) -> list[CallCount]:
    keys = draw(st.sets(st.tuples(st.sampled_from(["GET /a", "GET /b"]), st.sampled_from([0, 200, 404, 429, 503]))))
    found: list[CallCount] = []
    for operation, status in sorted(keys):
        buckets = draw(st.lists(st.integers(0, 50), min_size=len(BOUNDS) + 1, max_size=len(BOUNDS) + 1))
        number = sum(buckets)
        found.append(CallCount(operation, status, number, number // 3, 7 * number, 0.5 * number, 9.0, tuple(buckets)))
    return found


@settings(max_examples=12)
@given(
    syncs=st.lists(st.tuples(st.sampled_from(["acme", "bolt"]), st.integers(0, 3), counts()), max_size=6),
    parts=st.sets(st.sampled_from(list(Part))),
)
def test_usage_is_the_sum_of_the_calls_however_it_is_grouped(
    past: Past, syncs: list[tuple[str, int, list[CallCount]]], parts: set[Part]
) -> None:
    past.forget()
    past.tenant("acme")
    past.tenant("bolt")
    by_hand: dict[tuple[object, ...], list[float]] = defaultdict(lambda: [0] * 6)
    for key, days, called in syncs:
        at = NOW - days * DAY
        past.sync(at, key, called=called)
        for count in called:
            facts = {Part.DAY: at.date(), Part.TENANT: key, Part.APP: "…", Part.OPERATION: count.operation}
            sums = by_hand[tuple(facts[part] if part in parts else None for part in Part)]
            sums[0] += count.calls
            sums[1] += count.calls if count.status in (0, 404, 503) else 0
            sums[2] += count.calls if count.status == 429 else 0
            sums[3] += count.retries
            sums[4] += count.bytes
            sums[5] += count.seconds
    found = read_usage(past.connection, FIRST, TODAY, by=parts)
    assert {
        (one.day, one.tenant, one.app, one.operation): [
            one.calls, one.failed, one.refused, one.retries, one.bytes, one.seconds
        ]
        for one in found
    } == {key: pytest.approx(sums) for key, sums in by_hand.items()}  # fmt: skip
    assert all(sum(one.buckets) == one.calls for one in found)
    assert len(found) == len(by_hand)


def test_latencies_are_of_all_calls_together(past: Past) -> None:
    past.tenant()
    fast = [0] * (len(BOUNDS) + 1)
    slow = [0] * (len(BOUNDS) + 1)
    fast[0], slow[30] = 90, 10
    past.sync(NOW, called=[CallCount("GET /a", 200, 90, 0, 0, 0.09, 0.001, tuple(fast))])
    past.sync(NOW, called=[CallCount("GET /a", 200, 10, 0, 0, 8.0, 0.8, tuple(slow))])
    (usage,) = read_usage(past.connection, TODAY, TODAY, by=[])
    assert usage.average == pytest.approx(0.0809)
    assert (usage.latency(0.5), usage.latency(0.9), usage.latency(0.95), usage.slowest) == (0.001, 0.001, 0.8, 0.8)


def test_a_sync_over_midnight_counts_for_the_day_it_started_in_utc(past: Past) -> None:
    past.tenant()
    evening = datetime(2026, 6, 9, 23, 59, 59, tzinfo=UTC)
    past.sync(evening, called=[calls(5)], seconds=600)
    past.sync(evening + timedelta(seconds=1), called=[calls(7)])
    with past.connection.transaction():
        past.connection.execute("set local timezone to 'Asia/Tokyo'")
        days = read_usage(past.connection, TODAY - DAY, TODAY, by=[Part.DAY])
        (first,) = read_usage(past.connection, TODAY - DAY, TODAY - DAY, by=[Part.DAY])
        (second,) = read_usage(past.connection, TODAY, TODAY, by=[Part.DAY])
    assert [(one.day, one.calls) for one in days] == [(evening.date(), 5), (TODAY, 7)]
    assert (first.calls, second.calls) == (5, 7)


def test_each_app_and_each_tenant_is_counted_separately(past: Past) -> None:
    past.tenant("acme")
    past.tenant("bolt")
    past.sync(NOW - MINUTE, "acme", called=[calls(1)])
    past.connection.execute("update control.credentials set app_id = 'newer' where tenant = 'acme'")
    past.sync(NOW, "acme", called=[calls(2)])
    past.sync(NOW, "bolt", called=[calls(4)])
    past.connection.execute("delete from control.tenants where key = 'bolt'")
    by_app = read_usage(past.connection, TODAY, TODAY, by=[Part.TENANT, Part.APP])
    assert [(one.tenant, one.app, one.calls) for one in by_app] == [
        ("acme", "newer", 2), ("acme", "…", 1), ("bolt", "…", 4)
    ]  # fmt: skip
    (bolt,) = read_usage(past.connection, TODAY, TODAY, tenant="bolt", by=[Part.TENANT])
    assert bolt.calls == 4


def test_a_killed_or_running_sync_has_no_recorded_calls(past: Past) -> None:
    past.tenant()
    recorder.record_start(past.connection, "acme", None, NOW, full=False)
    assert read_usage(past.connection, TODAY, TODAY) == []
    assert read_usage(past.connection, TODAY, TODAY, by=[]) == []
