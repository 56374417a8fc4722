"""completeness.py: what does not add up, and what was set aside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from st_pipeline.landing.typer import Problem
from st_pipeline.rules.findings import Severity
from st_pipeline.rules.thresholds import Quarantine, Rules
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, read


def notes(number: int, field: str | None = "modified_on") -> list[Problem]:
    return [Problem(row, row, field, "no instant", "{}") for row in range(number)]


def test_a_file_whose_rows_do_not_add_up_is_told_with_its_path(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(2)
    past.land(NOW - HOUR, records=500, short_by=3)
    (off,) = find()
    assert (off.rule, off.severity, off.entity) == ("reconciliation", Severity.NOW, CUSTOMERS)
    assert (
        "500 records were downloaded, but only 497 are accounted for: 497 loaded and 0 problem records (first file:"
        in off.what
    )
    assert "crm_customers/tenant=acme/" in off.what
    assert command_words(off.steps, off.tenant).endswith("st-pipeline reload acme --entity crm_customers.")
    past.connection.execute("update control.landed_files set loaded_rows = records")
    assert find() == []


def test_loaded_and_quarantined_whole_together_add_up(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(2)
    past.land(NOW - HOUR, records=100_000, notes=notes(40, field=None))
    assert find() == []


def test_a_file_that_waits_to_be_loaded_for_too_long_is_told(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(2)
    past.land(NOW - 2 * HOUR, loaded=False)
    assert find(NOW - MINUTE) == []
    (off,) = find()
    assert "100 downloaded records are not loaded yet (first file:" in off.what
    assert "st-pipeline sync acme --entity crm_customers" in command_words(off.steps, off.tenant)


@pytest.mark.parametrize(("total", "is_told"), [(None, False), (99, False), (100, False), (101, True)])
def test_fewer_records_than_the_api_counts_are_told(past: Past, find: Find, total: int | None, is_told: bool) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read(api_total=total)])
    findings = find()
    assert [finding.rule for finding in findings] == ["reconciliation"] * is_told
    if is_told:
        assert "100 of the 101 records in ServiceTitan" in findings[0].what
        past.sync(NOW - HOUR, entities=[read(api_total=100)])
        assert find() == []


@pytest.mark.parametrize(("bad", "is_told"), [(0, False), (1, False), (2, True), (300, True)])
def test_more_than_a_thousandth_in_quarantine_is_told(past: Past, find: Find, bad: int, is_told: bool) -> None:
    past.tenant()
    past.nights(1)
    past.land(NOW - HOUR, records=1000, notes=notes(bad))
    findings = find()
    assert [(finding.rule, finding.entity) for finding in findings] == [("quarantine", CUSTOMERS)] * is_told
    if is_told:
        assert f"{bad} of 1,100 records" in findings[0].what and "the field modified_on" in findings[0].what
        assert findings[0].since == NOW - HOUR
        assert "reload acme --entity crm_customers" in command_words(findings[0].steps, "acme")


def test_a_record_counts_once_however_many_of_its_fields_are_bad(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(1)
    past.land(NOW - HOUR, records=900, notes=[Problem(7, 7, f"field_{n}", "no number", "{}") for n in range(50)])
    assert find() == []


def test_what_was_set_aside_long_ago_is_told_no_more(past: Past, find: Find) -> None:
    past.tenant()
    past.land(NOW - 8 * DAY, records=1000, notes=notes(500))
    past.nights(7)
    assert find() == []


def test_few_records_say_nothing_about_a_thousandth_unless_the_rule_says_so(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(1, fetched=40)
    past.land(NOW - HOUR, records=40, notes=notes(1))
    assert find() == []
    strict = replace(Rules(), quarantine=Quarantine(least_records=1))
    assert [finding.rule for finding in find(rules=strict)] == ["quarantine"]
