"""api_counts.py: when a count is due, and what is told of two that differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.rules.api_counts import ApiCount, is_count_due, read_last_counts, store_count
from st_pipeline.rules.findings import Severity
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import CUSTOMERS, DAY, HOUR, NOW, Past, read

COUNT = ApiCount("acme", CUSTOMERS, NOW - HOUR, NOW - 3 * HOUR, 100, 100)
NUMBERS = st.integers(0, 10**6)


@pytest.fixture
def counted(past: Past) -> Past:
    past.tenant()
    past.nights(3)
    store_count(past.connection, COUNT)
    return past


def test_counts_that_are_equal_are_no_trouble(counted: Past, find: Find) -> None:
    assert find() == []


def test_rows_that_are_missing_are_told_with_both_numbers_until_they_are_there(counted: Past, find: Find) -> None:
    store_count(counted.connection, replace(COUNT, counted_at=NOW, raw_rows=97))
    (off,) = find()
    assert (off.rule, off.entity, off.severity, off.since) == ("reconciliation", CUSTOMERS, Severity.NOW, NOW)
    assert off.what == (
        "ServiceTitan has 100 records, but only 97 are loaded (counting records created before 2026-06-10 09:00 UTC)"
    )
    assert "st-pipeline sync acme --entity crm_customers --full" in command_words(off.steps, off.tenant)
    store_count(counted.connection, replace(COUNT, counted_at=NOW + HOUR))
    assert find() == []


def test_rows_too_many_were_deleted_there_and_can_wait(counted: Past, find: Find) -> None:
    store_count(counted.connection, replace(COUNT, counted_at=NOW, raw_rows=103))
    (off,) = find()
    assert off.severity is Severity.CAN_WAIT
    assert "103 records are loaded, but ServiceTitan has only 100" in off.what
    assert "To read every record again, run st-pipeline sync acme --entity crm_customers --full" in command_words(
        off.steps, off.tenant
    )


@pytest.mark.parametrize(("total", "is_told"), [(96, True), (97, False), (100, False), (101, True)])
def test_what_raw_cannot_be_sure_of_may_be_counted_or_not(counted: Past, find: Find, total: int, is_told: bool) -> None:
    store_count(counted.connection, replace(COUNT, counted_at=NOW, api_total=total, raw_rows=97, unsure=3))
    assert [finding.rule for finding in find()] == ["reconciliation"] * is_told


def test_that_counts_differ_follows_from_an_api_that_sends_nothing(counted: Past, find: Find) -> None:
    counted.sync(NOW - HOUR, full=True, entities=[read(fetched=0)])
    store_count(counted.connection, replace(COUNT, counted_at=NOW, api_total=0))
    findings = find()
    assert [finding.rule for finding in findings if not finding.is_consequence] == ["nothing_sent"]
    assert [finding.rule for finding in findings if finding.is_consequence] == ["reconciliation"]


def test_only_the_last_count_of_a_tenants_entity_counts(counted: Past) -> None:
    counted.tenant("bolt")
    older = replace(COUNT, counted_at=NOW - DAY, raw_rows=5)
    other = replace(COUNT, tenant="bolt", api_total=7)
    for count in (older, other, replace(COUNT, entity="crm_locations")):
        store_count(counted.connection, count)
    last = read_last_counts(counted.connection)
    assert [(count.tenant, count.entity, count.api_total) for count in last] == [
        ("acme", CUSTOMERS, 100),
        ("acme", "crm_locations", 100),
        ("bolt", CUSTOMERS, 7),
    ]
    assert read_last_counts(counted.connection, "bolt") == [other]
    counted.registry.disable("acme")
    assert read_last_counts(counted.connection) == [other]


@pytest.mark.parametrize(
    ("last", "whole", "is_due"),
    [
        (None, False, True),
        (COUNT, False, False),
        (COUNT, True, True),
        (replace(COUNT, counted_at=NOW - timedelta(days=7)), False, True),
        (replace(COUNT, counted_at=NOW - timedelta(days=6, hours=23)), False, False),
        (replace(COUNT, api_total=99), False, True),
        (replace(COUNT, api_total=99, counted_at=NOW - timedelta(minutes=59)), False, False),
        (replace(COUNT, api_total=99, counted_at=NOW), True, True),
    ],
)
def test_a_count_is_due_after_a_whole_reading_a_week_later_and_hourly_while_it_is_off(
    last: ApiCount | None, whole: bool, is_due: bool
) -> None:
    assert is_count_due(last, was_read_whole=whole, now=NOW) is is_due


@given(NUMBERS, NUMBERS, st.integers(0, 1000))
def test_a_count_is_off_exactly_when_the_total_is_outside_of_what_raw_may_have(
    total: int, rows: int, unsure: int
) -> None:
    count = replace(COUNT, api_total=total, raw_rows=rows, unsure=unsure)
    assert count.is_off == (not rows <= total <= rows + unsure)
    assert not (count.missing and count.surplus)
    assert rows + unsure + count.missing >= total >= rows - count.surplus
