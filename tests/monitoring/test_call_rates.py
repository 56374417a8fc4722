"""call_rates.py: too many calls that fail, too many calls at all."""

from __future__ import annotations

import pytest

from .conftest import Find
from .past import DAY, HOUR, LAST_NIGHT, NOW, Past, calls, read

OTHER = "GET /accounting/v2/tenant/{tenant}/export/invoices"


@pytest.mark.parametrize(("failed", "is_told"), [(0, False), (5, False), (6, True), (100, True)])
def test_more_than_five_percent_of_failed_calls_are_told(past: Past, find: Find, failed: int, is_told: bool) -> None:
    past.tenant()
    called = [calls(100 - failed), calls(failed, status=503, operation=OTHER)]
    past.sync(LAST_NIGHT, entities=[read()], called=called, run_id="run-9")
    findings = find()
    assert [finding.rule for finding in findings] == ["error_rate"] * is_told
    if is_told:
        assert findings[0].what == f"{failed:.1f}% of its latest 100 calls failed, most of them of {OTHER}"
        assert (findings[0].since, findings[0].run_id) == (LAST_NIGHT, "run-9")
        assert "status page" in findings[0].advice


@pytest.mark.parametrize("status", [0, 400, 403, 500, 502])
def test_no_answer_and_every_refusal_is_a_failure(past: Past, find: Find, status: int) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(30), calls(10, status=status, operation=OTHER)])
    assert [finding.rule for finding in find()] == ["error_rate"]


def test_few_calls_are_judged_together_with_those_before(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(NOW - 3 * HOUR, entities=[read()], called=[calls(60)])
    past.sync(NOW - 2 * HOUR, entities=[read()], called=[calls(9)])
    past.sync(NOW - HOUR, entities=[read()], called=[calls(9), calls(1, status=500, operation=OTHER)])
    assert find() == []


def test_too_few_calls_to_judge_are_not_judged(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(NOW - HOUR, entities=[read()], called=[calls(9), calls(9, status=500, operation=OTHER)])
    assert find() == []


def test_a_sync_with_good_calls_ends_it(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(NOW - 2 * HOUR, entities=[read()], called=[calls(50, status=500)])
    assert [finding.rule for finding in find()] == ["error_rate"]
    past.sync(NOW - HOUR, entities=[read()], called=[calls(50)])
    assert find() == []


def test_calls_of_before_the_window_do_not_count(past: Past, find: Find) -> None:
    past.tenant(cadence="weekly")
    past.sync(NOW - 2 * DAY, entities=[read()], called=[calls(50, status=500)])
    assert find() == []


@pytest.mark.parametrize(("number", "is_told"), [(4800, False), (4801, True), (6000, True)])
def test_more_than_eighty_percent_of_the_rate_limit_are_told(
    past: Past, find: Find, number: int, is_told: bool
) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(number)], seconds=100)
    findings = find()
    assert [finding.rule for finding in findings] == ["rate_limit"] * is_told
    if is_told:
        assert f"{number / 6000:.0%} of the 60 that ServiceTitan allows" in findings[0].what


def test_a_sync_of_some_seconds_says_nothing_about_a_rate(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(500)], seconds=9)
    past.sync(LAST_NIGHT + HOUR, entities=[read()], called=[calls(5)], seconds=0)
    assert find() == []


@pytest.mark.parametrize(("refused", "is_told"), [(1, False), (2, True)])
def test_calls_that_servicetitan_refuses_as_too_many_are_told_as_that_and_not_as_errors(
    past: Past, find: Find, refused: int, is_told: bool
) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(100 - refused), calls(refused, status=429)])
    findings = find()
    assert [finding.rule for finding in findings] == ["rate_limit"] * is_told
    if is_told:
        assert "refused 2 of the 100 calls of the last sync with 429" in findings[0].what
        assert "something else calls with the same app key" in findings[0].advice


def test_only_the_last_sync_counts_for_the_rate(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(50, status=429)])
    past.sync(LAST_NIGHT + HOUR, entities=[read()], called=[calls(50)])
    assert find() == []
