import datetime as dt
import time

import pytest

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.clock import Clock


def test_a_clock_with_a_start_stands_still_until_it_is_advanced() -> None:
    clock = Clock(dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    assert instants.text(clock.now()) == "2026-03-01T00:00:00Z"
    time.sleep(0.01)
    clock.advance(900.5)
    assert instants.text(clock.now()) == "2026-03-01T00:15:00.500Z"


def test_the_default_is_real_time_plus_the_offset() -> None:
    clock = Clock()
    clock.advance(3600)
    before = time.time_ns() // 100
    assert before <= clock.now() - instants.HOUR <= time.time_ns() // 100


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(-1)
