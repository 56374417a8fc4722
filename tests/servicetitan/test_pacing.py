from __future__ import annotations

import itertools
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.pacing import CALLS_PER_SECOND, Pacer, Slots, held, take

INTERVAL = 1 / CALLS_PER_SECOND
KEY = Secret("ak1.canary-app-key")


def busiest_second(starts: list[float]) -> int:
    """The highest number of starts in any window of one second."""
    starts = sorted(starts)
    return max(sum(1 for other in starts if start <= other < start + 1) for start in starts)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=300))
def test_however_callers_arrive_no_second_has_more_than_fifty_starts(gaps: list[float]) -> None:
    now, slots, starts = 1000.0, Slots(), []
    for gap in gaps:
        now += gap / 50
        start, slots = take(slots, now, INTERVAL)
        assert start >= now
        starts.append(start)
    assert all(after - before >= INTERVAL - 1e-9 for before, after in itertools.pairwise(starts))
    assert busiest_second(starts) <= 51  # a window may include both of its ends


def test_unused_slots_are_not_saved_up() -> None:
    _, slots = take(Slots(), 100.0, INTERVAL)
    first, slots = take(slots, 200.0, INTERVAL)
    second, _ = take(slots, 200.0, INTERVAL)
    assert (first, second) == (200.0, 200.0 + INTERVAL)


@given(st.floats(0, 1e6), st.floats(0, 500), st.floats(0, 500))
def test_a_hold_moves_the_next_start_and_a_shorter_one_does_not_end_it(now: float, long: float, short: float) -> None:
    slots = held(held(Slots(), now, now + long), now, now + short)
    start, _ = take(slots, now, INTERVAL)
    assert start == pytest.approx(now + max(long, short))


@pytest.mark.parametrize("rubbish", [1e9, math.inf, math.nan])
def test_times_left_over_from_before_a_restart_are_forgotten(rubbish: float) -> None:
    assert take(Slots(rubbish, rubbish), 10.0, INTERVAL)[0] == 10.0
    assert take(held(Slots(), 10.0, rubbish), 10.0, INTERVAL)[0] <= 610.0


def test_threads_and_processes_share_one_pace(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from st_pipeline.secret import Secret\n"
        "from st_pipeline.servicetitan.pacing import Pacer\n"
        "lane = Pacer(Path(sys.argv[1])).lane(Secret('ak1.canary-app-key'), 7)\n"
        "for _ in range(25):\n"
        "    lane.wait(); print(time.monotonic())\n"
    )
    other = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    starts: list[float] = []

    def call() -> None:
        lane = Pacer(tmp_path).lane(KEY, 7)
        for _ in range(15):
            lane.wait()
            starts.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for process in other:
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        starts += [float(line) for line in printed.split()]
    for thread in threads:
        thread.join()
    assert len(starts) == 110
    assert busiest_second(starts) < 60
    assert max(starts) - min(starts) >= 109 * INTERVAL * 0.9


def test_pairs_do_not_wait_for_each_other(tmp_path: Path) -> None:
    pacer = Pacer(tmp_path)
    pacer.lane(KEY, 1).hold(30)
    for lane in (pacer.lane(KEY, 2), pacer.lane(Secret("another"), 1)):
        assert lane.wait() < 1


def test_every_caller_in_a_lane_keeps_a_hold(tmp_path: Path) -> None:
    Pacer(tmp_path).lane(KEY, 1).hold(0.3)
    assert 0.25 <= Pacer(tmp_path).lane(KEY, 1).wait() < 2


def test_the_file_reveals_neither_key_nor_tenant(tmp_path: Path) -> None:
    Pacer(tmp_path / "new").lane(KEY, 424242).wait()
    (file,) = (tmp_path / "new").iterdir()
    assert "canary" not in file.name
    assert "424242" not in file.name
    assert file.stat().st_size == 16
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    lane = Pacer(tmp_path).lane(KEY, 1)
    lane.wait()
    (file,) = tmp_path.iterdir()
    for damage in (b"", b"xyz", b"\xff" * 16):
        file.write_bytes(damage)
        assert lane.wait() < 1


@pytest.mark.parametrize("rate", [0, -1, 60, 1000])
def test_a_rate_that_the_api_does_not_allow_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(ValueError, match="60"):
        Pacer(tmp_path, rate)
