from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.servicetitan.calls import BOUNDS, CallLog, latency


def test_calls_are_counted_by_operation_and_status() -> None:
    log = CallLog()
    log.add("GET /a", status=200, seconds=0.2, size=100, is_retry=False)
    log.add("GET /a", status=200, seconds=0.4, size=50, is_retry=True)
    log.add("GET /a", status=503, seconds=1.0, size=0, is_retry=False)
    log.add("GET /b", status=0, seconds=10.0, size=0, is_retry=False)
    counts = log.snapshot()
    assert [(c.operation, c.status, c.calls, c.retries, c.bytes) for c in counts] == [
        ("GET /a", 200, 2, 1, 150),
        ("GET /a", 503, 1, 0, 0),
        ("GET /b", 0, 1, 0, 0),
    ]
    assert counts[0].seconds == pytest.approx(0.6)
    assert counts[0].slowest == 0.4


def test_a_snapshot_does_not_change_afterwards() -> None:
    log = CallLog()
    log.add("GET /a", status=200, seconds=0.2, size=1, is_retry=False)
    before = log.snapshot()
    log.add("GET /a", status=200, seconds=0.2, size=1, is_retry=False)
    assert (before[0].calls, sum(before[0].buckets)) == (1, 1)


@given(st.lists(st.floats(0.001, 400), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_latency_share_is_at_most_a_quarter_too_high_and_never_too_low(seconds: list[float], share: float) -> None:
    log = CallLog()
    for one in seconds:
        log.add("GET /a", status=200, seconds=one, size=0, is_retry=False)
    (count,) = log.snapshot()
    exact = next(one for n, one in enumerate(sorted(seconds), 1) if n >= share * len(seconds))
    found = count.latency(share)
    assert found >= exact * (1 - 1e-9)
    assert found <= exact * 1.2500001 or exact > BOUNDS[-1]
    assert count.latency(1) == max(seconds)


def test_counts_from_many_threads_add_up() -> None:
    log = CallLog()

    def work() -> None:
        for _ in range(500):
            log.add("GET /a", status=200, seconds=0.01, size=2, is_retry=True)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (count,) = log.snapshot()
    assert (count.calls, count.retries, count.bytes, sum(count.buckets)) == (4000, 4000, 8000, 4000)


@given(
    st.lists(st.floats(0.001, 400), min_size=1, max_size=50),
    st.lists(st.floats(0.001, 400), min_size=1, max_size=50),
    st.floats(0.01, 1),
)
def test_combined_buckets_equal_one_count_of_all_calls(some: list[float], others: list[float], share: float) -> None:
    logs = CallLog(), CallLog(), CallLog()
    for one in some:
        logs[0].add("GET /a", status=200, seconds=one, size=0, is_retry=False)
    for one in others:
        logs[1].add("GET /b", status=500, seconds=one, size=0, is_retry=False)
    for one in [*some, *others]:
        logs[2].add("GET /a", status=200, seconds=one, size=0, is_retry=False)
    (left,), (right,), (whole,) = (log.snapshot() for log in logs)
    added = [a + b for a, b in zip(left.buckets, right.buckets, strict=True)]
    assert latency(added, max(left.slowest, right.slowest), share) == whole.latency(share)
