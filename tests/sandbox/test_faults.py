from collections import Counter

import pytest

from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.faults import Fault, Faults, draw


def test_without_faults_no_request_fails() -> None:
    rng = seeded("none")
    assert {draw(Faults(), rng) for _ in range(1000)} == {(None, False)}


def test_each_kind_of_fault_occurs_at_its_own_rate() -> None:
    faults = Faults(rate_429=0.02, rate_5xx=0.01, rate_truncated=0.03, rate_reset=0.04, rate_slow=0.1)
    rng = seeded("rates")
    draws = [draw(faults, rng) for _ in range(50_000)]
    struck = Counter(fault for fault, _ in draws)
    for fault, rate in (
        (Fault.TOO_MANY, 0.02),
        (Fault.SERVER_ERROR, 0.01),
        (Fault.TRUNCATED, 0.03),
        (Fault.RESET, 0.04),
    ):
        assert struck[fault] / len(draws) == pytest.approx(rate, rel=0.15)
    assert sum(slow for _, slow in draws) / len(draws) == pytest.approx(0.1, rel=0.15)
