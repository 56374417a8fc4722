from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.servicetitan.retrying import Again, GivenUp, RetryPolicy, is_retryable, named_wait, own_wait, retry

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520, 599])
def test_temporary_statuses_are_retried(status: int) -> None:
    assert is_retryable(status)


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 403, 404, 409, 410, 422, 600])
def test_permanent_statuses_are_not_retried(status: int) -> None:
    assert not is_retryable(status)


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_a_backoff_wait_never_exceeds_its_doubling_limit(failures: int, chance: float) -> None:
    policy = RetryPolicy(first_wait=0.5, longest_wait=60)
    wait = own_wait(policy, failures, chance)
    assert 0 <= wait <= min(60, 0.5 * 2 ** (failures - 1))
    assert own_wait(policy, failures, 0.5) <= own_wait(policy, failures + 1, 0.5)


@given(st.integers(0, 86400))
def test_seconds_in_the_header_are_the_wait(seconds: int) -> None:
    assert named_wait(str(seconds), None, NOW) == seconds
    assert named_wait(f" {seconds}.5 ", None, NOW) == seconds + 0.5


@given(st.integers(-100_000, 100_000))
def test_a_future_date_in_the_header_is_the_wait_and_a_past_one_is_not(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert named_wait(header, None, NOW) == max(0, seconds)


@given(st.integers(0, 86400))
def test_the_wait_in_the_title_is_read_as_servicetitan_writes_it(seconds: int) -> None:
    assert named_wait(None, f"Rate limit is exceeded. Try again in {seconds} seconds.", NOW) == seconds


def test_titles_with_one_second_or_minutes_are_understood() -> None:
    assert named_wait(None, "Try again in 1 second.", NOW) == 1
    assert named_wait(None, "try again IN 2 minutes", NOW) == 120


def test_the_longer_wait_of_header_and_title_applies() -> None:
    assert named_wait("3", "Try again in 60 seconds.", NOW) == 60
    assert named_wait("90", "Try again in 60 seconds.", NOW) == 90


@given(st.text(), st.text())
def test_any_text_gives_a_wait_or_none_but_no_error(header: str, title: str) -> None:
    wait = named_wait(header, title, NOW)
    assert wait is None or wait >= 0


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1e3", "NaN", "inf", "٣", "Wed, 99 Foo 2026"])
def test_an_unusable_header_names_no_wait(header: str | None) -> None:
    assert named_wait(header, "Something else in general", NOW) is None


class Times:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def _persist(policy: RetryPolicy, outcomes: list[object]) -> tuple[object, Times]:
    times = Times()
    numbers = iter(range(1, 1000))

    def attempt(number: int) -> object:
        assert number == next(numbers)
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]

    return retry(policy, attempt, sleep=times.sleep, clock=times.clock, chance=lambda: 0.5), times


def test_the_first_result_other_than_again_is_returned() -> None:
    outcome, times = _persist(RetryPolicy(), [Again("HTTP 500"), Again("HTTP 500"), "good"])
    assert outcome == "good"
    assert times.slept == [0.25, 0.5]


def test_none_is_a_result_like_any_other() -> None:
    assert _persist(RetryPolicy(), [None])[0] is None


def test_a_named_wait_is_kept_up_to_the_limit() -> None:
    _, times = _persist(RetryPolicy(longest_named_wait=90), [Again("429", 429, 60), Again("429", 429, 3600), "good"])
    assert times.slept == [60, 90]


def test_there_is_no_wait_after_the_last_try() -> None:
    outcome, times = _persist(RetryPolicy(tries=3), [Again("a"), Again("b"), Again("c")])
    assert outcome == GivenUp(Again("c"), 3, 0.75)
    assert len(times.slept) == 2


def test_waiting_ends_before_the_total_is_exceeded() -> None:
    outcome, times = _persist(RetryPolicy(tries=100, total_seconds=100), [Again("429", 429, 40)])
    assert isinstance(outcome, GivenUp)
    assert (outcome.tries, sum(times.slept)) == (3, 80)


def test_the_time_of_the_attempts_counts_too() -> None:
    times = Times()

    def attempt(number: int) -> Again:
        times.now += 60  # an attempt that takes a minute
        return Again("slow")

    outcome = retry(RetryPolicy(total_seconds=200), attempt, sleep=times.sleep, clock=times.clock, chance=lambda: 0.0)
    assert outcome == GivenUp(Again("slow"), 4, 240)


def test_exceptions_from_an_attempt_propagate() -> None:
    def attempt(number: int) -> str:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        retry(RetryPolicy(), attempt)


def test_a_policy_without_tries_is_rejected() -> None:
    with pytest.raises(ValueError, match="at least one try"):
        retry(RetryPolicy(tries=0), lambda number: "never")
