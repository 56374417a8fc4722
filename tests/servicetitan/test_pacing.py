from __future__ import annotations

import itertools
import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.secret import Secret
from st_pipeline.servicetitan import pacing
from st_pipeline.servicetitan.pacing import CALLS_PER_SECOND, Lane, Pacer, Slots, held, take
from st_pipeline.settings import PROJECT_ROOT
from tests.support.stepped_time import SteppedTime
from tests.support.waiting import PATIENCE_SECONDS

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


class Watched(Lane):
    """A lane that records its slots, and checks that no call starts before its slot."""

    def __init__(self, lane: Lane) -> None:
        super().__init__(lane._file, CALLS_PER_SECOND)
        self.slots: list[float] = []

    def _take(self, until: float) -> float:
        self.slots.append(super()._take(until))
        return self.slots[-1]

    def wait(self, until: float = math.inf) -> float | None:
        waited = super().wait(until)
        assert self.slots[-1] <= pacing.time.monotonic()
        return waited


def take_slots(folder: Path, calls: int) -> list[float]:
    lane = Watched(Pacer(folder).lane(KEY, 7))
    for _ in range(calls):
        lane.wait()
    return lane.slots


def test_threads_and_processes_share_one_pace(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.servicetitan.test_pacing import take_slots\n"
        "print(*map(repr, take_slots(Path(sys.argv[1]), 25)))\n"
    )
    other = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    slots: list[float] = []
    threads = [threading.Thread(target=lambda: slots.extend(take_slots(tmp_path, 15))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for process in other:
        printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
        slots += map(float, printed.split())
    for thread in threads:
        thread.join()
    assert len(slots) >= 110  # more if a caller woke late and took another
    slots.sort()
    assert all(after - before >= INTERVAL - 1e-6 for before, after in itertools.pairwise(slots))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedTime:
    clock = SteppedTime()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


@pytest.mark.parametrize(("late", "slots"), [(0.09, [1001.0]), (0.5, [1001.0, 1001.5])])
def test_a_late_caller_takes_another_slot(tmp_path: Path, clock: SteppedTime, late: float, slots: list[float]) -> None:
    clock.oversleep = late
    lane = Watched(Pacer(tmp_path).lane(KEY, 1))
    lane.hold(1)
    assert lane.wait() == pytest.approx(1 + late)
    assert lane.slots == slots


@pytest.mark.usefixtures("clock")
def test_pairs_do_not_wait_for_each_other(tmp_path: Path) -> None:
    pacer = Pacer(tmp_path)
    pacer.lane(KEY, 1).hold(30)
    for lane in (pacer.lane(KEY, 2), pacer.lane(Secret("another"), 1)):
        assert lane.wait() == 0


@pytest.mark.usefixtures("clock")
def test_every_caller_in_a_lane_keeps_a_hold(tmp_path: Path) -> None:
    Pacer(tmp_path).lane(KEY, 1).hold(30)
    assert Pacer(tmp_path).lane(KEY, 1).wait() == 30


def test_a_caller_without_the_time_to_wait_takes_no_slot(tmp_path: Path, clock: SteppedTime) -> None:
    lane = Pacer(tmp_path).lane(KEY, 1)
    lane.hold(30)
    assert [lane.wait(until=clock.monotonic() + 20) for _ in range(100)] == [None] * 100
    assert clock.slept == []
    assert lane.wait(until=clock.monotonic() + 40) == 30


def test_the_file_reveals_neither_key_nor_tenant(tmp_path: Path) -> None:
    Pacer(tmp_path / "new").lane(KEY, 424242).wait()
    (file,) = (tmp_path / "new").iterdir()
    assert "canary" not in file.name
    assert "424242" not in file.name
    assert file.stat().st_size == 16
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("clock")
def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    lane = Pacer(tmp_path).lane(KEY, 1)
    lane.wait()
    (file,) = tmp_path.iterdir()
    for damage in (b"", b"xyz", b"\xff" * 16):
        file.write_bytes(damage)
        assert lane.wait() == 0


@pytest.mark.parametrize("rate", [0, -1, 60, 1000])
def test_a_rate_that_the_api_does_not_allow_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(ValueError, match="60"):
        Pacer(tmp_path, rate)
