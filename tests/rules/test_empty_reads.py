"""empty_reads.py: nothing where there always was something; and when nothing is ordinary."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.history.recorder import EntityRecord
from st_pipeline.rules.empty_reads import EmptyRead, is_suspicious
from st_pipeline.rules.findings import Severity
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.model import Kind
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, NOW, Past, read

TYPES = "jpm_job_types"
NOTHING = read(fetched=0, files=0)


def nights_of(past: Past, records: list[int], entity: str = CUSTOMERS) -> None:
    """One sync a night, the last one last night."""
    for night, fetched in enumerate(records, 1):
        past.sync(LAST_NIGHT - (len(records) - night) * DAY, entities=[read(entity, fetched)])


def test_a_full_read_that_brings_nothing_is_told_at_once(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(5)
    past.sync(NOW - HOUR, full=True, entities=[NOTHING], run_id="run-3")
    (silent,) = find()
    assert (silent.rule, silent.severity, silent.entity) == ("nothing_sent", Severity.NOW, CUSTOMERS)
    assert (silent.since, silent.run_id) == (NOW - HOUR, "run-3")
    assert "reports no error but has stopped sending crm_customers" in silent.what
    assert "2026-06-10 02:00" in silent.what
    assert "Credentials and permissions are fine" in command_words(
        silent.steps, silent.tenant
    ) and "--full" in command_words(silent.steps, silent.tenant)


def test_it_stays_until_records_come_again(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(5)
    past.sync(NOW - 3 * HOUR, full=True, entities=[NOTHING])
    past.sync(NOW - 2 * HOUR, entities=[NOTHING])
    assert [finding.rule for finding in find()] == ["nothing_sent"]
    past.sync(NOW - HOUR, entities=[read(fetched=3)])
    assert find() == []


def test_several_silent_entities_are_one_finding_that_stays_the_same_when_another_joins(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read(), read(TYPES)])
    past.sync(NOW - 2 * HOUR, full=True, entities=[NOTHING, read(TYPES)])
    (one,) = find()
    past.sync(NOW - HOUR, full=True, entities=[NOTHING, read(TYPES, 0, files=0)])
    (both,) = find()
    assert (one.entity, both.entity) == (CUSTOMERS, None)
    assert one.key == both.key
    assert TYPES in both.what


def test_a_list_that_brings_nothing_is_told_at_once_as_it_reads_its_newest_record_again(past: Past, find: Find) -> None:
    past.tenant()
    nights_of(past, [5, 5, 0], TYPES)
    assert [(finding.rule, finding.entity) for finding in find()] == [("nothing_sent", TYPES)]


def test_a_feed_that_brings_nothing_for_a_night_is_well(past: Past, find: Find) -> None:
    past.tenant()
    nights_of(past, [100, 100, 0, 90, 110, 0])
    assert find() == []


def test_a_feed_that_brings_something_every_night_and_then_nothing_for_days_is_told(past: Past, find: Find) -> None:
    past.tenant()
    nights_of(past, [100] * 10 + [0, 0, 0])
    assert find() == []
    past.forget()
    past.tenant()
    nights_of(past, [100] * 10 + [0, 0, 0, 0])
    (silent,) = find()
    assert silent.rule == "nothing_sent"
    assert silent.since == LAST_NIGHT - 3 * DAY


def test_a_feed_that_is_often_quiet_for_days_may_be_quiet_for_longer(past: Past, find: Find) -> None:
    past.tenant()
    nights_of(past, [5, 0, 0, 0, 5, 0, 0, 0, 5, *[0] * 11])
    assert find() == []


def test_a_feed_that_brought_records_but_a_few_times_may_be_quiet(past: Past, find: Find) -> None:
    past.tenant()
    nights_of(past, [100, 100, 100, *[0] * 9])
    assert find() == []
    past.forget()
    past.tenant()
    nights_of(past, [100, 100, 100, 100, *[0] * 9])
    assert [finding.rule for finding in find()] == ["nothing_sent"]


def test_an_entity_that_never_had_a_record_is_well(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - DAY, entities=[read(), read(TYPES, 0, files=0)])
    past.sync(LAST_NIGHT, full=True, entities=[read(), read(TYPES, 0, files=0)])
    assert find() == []


def test_loading_again_asks_for_nothing_and_is_no_silence(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3)
    past.sync(NOW - HOUR, full=True, entities=[EntityRecord(CUSTOMERS, "succeeded", loaded=100)])
    assert find() == []


def test_a_full_read_that_only_ends_what_a_failed_one_brought_is_no_silence(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3)
    past.sync(NOW - 2 * HOUR, full=True, error="acme: no answer", entities=[EntityRecord(CUSTOMERS, "failed")])
    past.land(NOW - 2 * HOUR, full=True)
    past.sync(NOW - HOUR, full=True, entities=[NOTHING])
    assert find() == []


@given(
    quiet=st.timedeltas(timedelta(0), timedelta(days=60)),
    gap=st.none() | st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_a_feed_is_suspicious_after_three_days_and_three_times_its_longest_gap(
    quiet: timedelta, gap: timedelta | None
) -> None:
    landed = NOW - quiet
    silence = EmptyRead("acme", CUSTOMERS, landed, NOW, NOW, None, was_read_whole=False, longest_gap=gap)
    expected = gap is not None and quiet >= timedelta(days=3) and quiet > 3 * gap
    assert is_suspicious(silence, Kind.EXPORT, Rules()) is expected
