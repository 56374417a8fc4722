"""shared_outages.py: many tenants that fail together are one trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from st_pipeline.rules.findings import ALL_TENANTS, Finding, Severity
from st_pipeline.rules.thresholds import ManyFailing, Rules
from st_pipeline.tenants.model import Status
from tests.support.monitored import Find
from tests.support.past import DAY, HOUR, MINUTE, NOW, Past, calls, read

DOWN = "no usable answer after 5 tries"


def fleet(past: Past, tenants: int) -> list[str]:
    """Tenants that were well last night."""
    keys = [past.tenant(f"t{number:02}") for number in range(tenants)]
    for key in keys:
        past.sync(NOW - 10 * HOUR, key, entities=[read()])
    return keys


def fail(past: Past, key: str, ago: timedelta) -> None:
    called = [calls(3), calls(30, status=503)]
    past.sync(NOW - ago, key, error=f"{key}: {DOWN}", called=called, seconds=30, run_id=f"run-{key}")


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.tenant) for finding in findings if not finding.is_consequence]


def test_an_api_that_is_down_for_all_is_told_once_and_names_them(past: Past, find: Find) -> None:
    keys = fleet(past, 12)
    for number, key in enumerate(keys):
        fail(past, key, (60 - number) * MINUTE)
    findings = find()
    (common,) = [finding for finding in findings if not finding.is_consequence]
    assert (common.rule, common.tenant, common.severity) == ("many_failing", ALL_TENANTS, Severity.NOW)
    assert common.what.startswith("Syncs are failing for 12 of 12 companies (t00, t01,")
    assert "and 2 more); last error: t11: no usable answer" in common.what
    assert common.since == NOW - 60 * MINUTE + MINUTE / 2
    assert common.run_id == "run-t11"
    assert {finding.rule for finding in findings if finding.is_consequence} == {"failed_sync", "error_rate"}


def test_it_stays_the_one_trouble_however_often_and_long_they_fail(past: Past, find: Find) -> None:
    for key in fleet(past, 8):
        for hour in range(6, 0, -1):
            fail(past, key, hour * HOUR)
    assert told(find()) == [("many_failing", ALL_TENANTS)]
    for key in [f"t{number:02}" for number in range(8)]:
        fail(past, key, -30 * HOUR)
    assert told(find(NOW + 31 * HOUR)) == [("many_failing", ALL_TENANTS)], "that they are stale follows from it"


def test_five_tenants_are_told_of_one_by_one(past: Past, find: Find) -> None:
    for key in fleet(past, 8)[:5]:
        fail(past, key, HOUR)
    assert told(find()) == [("failed_sync", f"t{number:02}") for number in range(5)]


def test_few_among_many_that_are_well_have_nothing_in_common(past: Past, find: Find) -> None:
    keys = fleet(past, 40)
    for key in keys[:8]:
        fail(past, key, HOUR)
    for key in keys[8:]:
        past.sync(NOW - HOUR, key, entities=[read()])
    assert {rule for rule, _ in told(find())} == {"failed_sync"}
    assert told(find(rules=replace(Rules(), many_failing=ManyFailing(over=0.1)))) == [("many_failing", ALL_TENANTS)]


def test_refused_credentials_of_many_are_each_tenants_own(past: Past, find: Find) -> None:
    for key in fleet(past, 7):
        fail(past, key, HOUR)
        past.found(key, Status.REFUSED, "no longer let in. Enter new keys", NOW - HOUR)
    assert {rule for rule, _ in told(find())} == {"credentials_refused"}


def test_failures_of_days_ago_are_no_trouble_of_now(past: Past, find: Find) -> None:
    for key in fleet(past, 7):
        past.connection.execute("update control.tenants set cadence = 'weekly' where key = %s", (key,))
        fail(past, key, 4 * HOUR)
    assert {rule for rule, _ in told(find(NOW + DAY / 24))} == {"failed_sync"}


def test_when_it_is_over_nothing_is_left_of_it(past: Past, find: Find) -> None:
    for key in fleet(past, 7):
        fail(past, key, 2 * HOUR)
        past.sync(NOW - HOUR, key, entities=[read()], called=[calls(12)])
    assert told(find()) == []
