"""call_rules.py: too many calls that fail, too many calls at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from st_pipeline.rules.thresholds import FailedSync, Rules
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import DAY, HOUR, LAST_NIGHT, NOW, Past, calls, read

OTHER = "GET /accounting/v2/tenant/{tenant}/export/invoices"


@pytest.mark.parametrize(("failed", "is_told"), [(0, False), (5, False), (6, True), (100, True)])
def test_more_than_five_percent_of_failed_calls_are_told(past: Past, find: Find, failed: int, is_told: bool) -> None:
    past.tenant()
    called = [calls(100 - failed), calls(failed, status=503, operation=OTHER)]
    past.sync(LAST_NIGHT, entities=[read()], called=called, run_id="run-9")
    findings = find()
    assert [finding.rule for finding in findings] == ["error_rate"] * is_told
    if is_told:
        assert findings[0].what == f"{failed:.1f}% of the latest 100 API calls failed, for example calls to {OTHER}"
        assert (findings[0].since, findings[0].run_id) == (LAST_NIGHT, "run-9")
        assert "status page" in command_words(findings[0].steps, "acme")


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


A_DAY_AT_OUR_PACE = 50 * 24 * 3600


@pytest.mark.parametrize(("share", "is_told"), [(0.5, False), (0.95, False), (0.97, True), (1.0, True)])
def test_more_than_eighty_percent_of_a_days_calls_are_told(past: Past, find: Find, share: float, is_told: bool) -> None:
    """Of what the API allows, which is 96 % of what our own pace makes possible."""
    past.tenant()
    number = int(A_DAY_AT_OUR_PACE * share)
    past.sync(NOW - 23 * HOUR, entities=[read()], called=[calls(number // 2)], seconds=11 * 3600)
    past.sync(NOW - 12 * HOUR, entities=[read()], called=[calls(number - number // 2)], seconds=11 * 3600)
    findings = find()
    assert [finding.rule for finding in findings] == ["rate_limit"] * is_told
    if is_told:
        assert f"{number:,} calls in the last 24 hours, {share * 50 / 60:.0%} of the most" in findings[0].what
        assert "(60 a second)" in findings[0].what
        assert findings[0].since == NOW - 23 * HOUR


@pytest.mark.parametrize("hours", [0.001, 1, 6, 20])
def test_a_sync_that_keeps_to_our_own_pace_for_hours_is_normal_work(past: Past, find: Find, hours: float) -> None:
    past.tenant()
    seconds = hours * 3600
    past.sync(NOW - hours * HOUR, entities=[read()], called=[calls(int(50 * seconds))], seconds=seconds)
    assert find() == []


def test_that_calls_are_refused_is_told_before_that_there_are_many(past: Past, find: Find) -> None:
    past.tenant()
    called = [calls(A_DAY_AT_OUR_PACE), calls(A_DAY_AT_OUR_PACE // 20, status=429)]
    past.sync(NOW - 22 * HOUR, entities=[read()], called=called, seconds=21 * 3600)
    (told,) = find()
    assert told.rule == "rate_limit" and "rate limit (429)" in told.what


def test_that_calls_fail_follows_from_a_failed_sync_and_is_no_news_after_it(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()])
    past.sync(NOW - 3 * HOUR, error="acme: no answer", called=[calls(2), calls(50, status=503)])
    assert [finding.rule for finding in find(NOW - 2 * HOUR) if not finding.is_consequence] == ["failed_sync"]
    past.sync(NOW - 2 * HOUR, entities=[read()], called=[calls(12)])
    assert [finding.rule for finding in find(NOW - HOUR) if not finding.is_consequence] == []
    past.sync(NOW - HOUR, entities=[read()], called=[calls(30), calls(5, status=503)])
    assert [finding.rule for finding in find() if not finding.is_consequence] == ["error_rate"]


def test_whoever_wants_no_failed_syncs_is_told_of_their_calls(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()])
    past.sync(NOW - 3 * HOUR, error="acme: no answer", called=[calls(2), calls(50, status=503)])
    (told,) = find(rules=replace(Rules(), failed_sync=FailedSync(enabled=False)))
    assert (told.rule, told.is_consequence) == ("error_rate", False)


@pytest.mark.parametrize(("refused", "is_told"), [(5, False), (6, True)])
def test_calls_that_servicetitan_refuses_as_too_many_are_told_as_that_and_not_as_errors(
    past: Past, find: Find, refused: int, is_told: bool
) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(500 - refused), calls(refused, status=429)])
    findings = find()
    assert [finding.rule for finding in findings] == ["rate_limit"] * is_told
    if is_told:
        assert "rejected 6 of the last sync's 500 calls because of its rate limit (429)" in findings[0].what
        assert "must be using the same app key" in command_words(findings[0].steps, "acme")


def test_only_the_last_sync_counts_for_the_rate(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read()], called=[calls(50, status=429)])
    past.sync(LAST_NIGHT + HOUR, entities=[read()], called=[calls(50)])
    assert find() == []
