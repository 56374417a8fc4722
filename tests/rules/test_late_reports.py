"""late_reports.py: what was loaded and is in no report, and builds that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from st_pipeline.history.recorder import record_start
from st_pipeline.rules.findings import ALL_TENANTS, Severity
from st_pipeline.rules.thresholds import ReportsBehind, Rules
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import DAY, HOUR, MINUTE, NOW, Past, read


@pytest.fixture
def loaded(past: Past) -> Past:
    """Two tenants, both synced this morning and loaded six hours ago."""
    for key in ("acme", "bolt"):
        past.tenant(key)
        past.sync(NOW - 6 * HOUR - MINUTE, key, entities=[read()])
        past.changed(NOW - 6 * HOUR, key)
    return past


def test_what_was_loaded_hours_ago_and_is_in_no_report_is_told_once_for_all_tenants(loaded: Past, find: Find) -> None:
    assert find(NOW - MINUTE) == []
    (behind,) = find(NOW + MINUTE)
    assert (behind.rule, behind.tenant, behind.severity) == ("reports_behind", ALL_TENANTS, Severity.NOW)
    assert behind.what == "Reports do not show the newest data of 2 companies yet; no build has succeeded yet"
    assert behind.since == NOW - 6 * HOUR - MINUTE + MINUTE / 60, "its file was loaded then"
    assert "build_marts" in command_words(behind.steps, behind.tenant) and "st-pipeline marts" in command_words(
        behind.steps, behind.tenant
    )


def test_a_build_that_began_after_the_load_ends_it_and_one_that_began_before_does_not(loaded: Past, find: Find) -> None:
    loaded.build(NOW - 6 * HOUR - 2 * MINUTE, seconds=3600)
    (behind,) = find(NOW + MINUTE)
    assert "the last successful build began 2026-06-10 05:58 UTC" in behind.what
    loaded.build(NOW - HOUR)
    assert find(NOW + MINUTE) == []


def test_one_tenants_load_after_the_build_is_waited_for_from_then_on(loaded: Past, find: Find) -> None:
    loaded.build(NOW - 5 * HOUR)
    loaded.changed(NOW - 4 * HOUR, "bolt")
    assert find(NOW + 2 * HOUR) == []
    (behind,) = find(NOW + 2 * HOUR + MINUTE)
    assert "Reports do not show the newest data of 1 company yet" in behind.what


def test_a_tenant_that_is_loaded_all_the_time_does_not_hide_that_nothing_is_built(past: Past, find: Find) -> None:
    past.tenant(cadence="every 10m")
    past.build(NOW - 9 * HOUR)
    for minutes in range(480, 0, -10):
        past.sync(NOW - minutes * MINUTE, entities=[read()], seconds=20)
    past.changed(NOW - 10 * MINUTE)
    (behind,) = find()
    assert behind.rule == "reports_behind"
    assert behind.since == NOW - 8 * HOUR + MINUTE / 60
    assert find(NOW - 2.5 * HOUR) == []


def test_nothing_new_needs_no_build(loaded: Past, find: Find) -> None:
    loaded.build(NOW - 5 * HOUR)
    loaded.connection.execute("update control.tenants set cadence = 'paused'")
    assert find(NOW + 30 * DAY) == []


def test_builds_that_fail_one_after_the_other_are_told_with_the_last_error(loaded: Past, find: Find) -> None:
    loaded.build(NOW - 5 * HOUR)
    loaded.build(NOW - 2 * HOUR, error="invoices_stream: a check failed")
    assert find() == [], "the next one may mend it"
    loaded.build(NOW - HOUR, error="members_stream: a check failed", run_id="run-b")
    (failing,) = find()
    assert (failing.rule, failing.tenant, failing.run_id) == ("reports_behind", ALL_TENANTS, "run-b")
    assert "The last 2 report builds failed: members_stream: a check failed" in failing.what
    assert failing.since == NOW - 2 * HOUR + MINUTE
    loaded.build(NOW - HOUR / 2)
    assert find() == []


def test_a_build_that_runs_or_was_killed_is_no_failure_and_builds_nothing(loaded: Past, find: Find) -> None:
    loaded.connection.execute(
        "insert into control.builds (loads, started_at) values ('', %s), ('', %s)", (NOW - HOUR, NOW)
    )
    assert find(NOW - MINUTE) == []
    assert [finding.rule for finding in find(NOW + MINUTE)] == ["reports_behind"]


def test_a_disabled_tenants_loads_and_running_syncs_wait_for_nothing(loaded: Past, find: Find) -> None:
    for key in ("acme", "bolt"):
        loaded.registry.disable(key)
    record_start(loaded.connection, "acme", None, NOW, full=False)
    assert find(NOW + MINUTE) == []


def test_whoever_builds_once_a_day_says_so(loaded: Past, find: Find) -> None:
    assert find(NOW + HOUR, replace(Rules(), reports_behind=ReportsBehind(hours=30.0))) == []
