"""record_drops.py: far fewer records than before, in a full read or in a week of changes."""

from __future__ import annotations

import pytest

from st_pipeline.landing.ledger import Ledger
from st_pipeline.rules.record_drops import Weeks, find_drops
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, NOW, Past, read


@pytest.mark.parametrize(("records", "is_told"), [(1000, False), (500, False), (499, True), (1, True), (2000, False)])
def test_a_full_read_that_brings_less_than_half_is_told(past: Past, find: Find, records: int, is_told: bool) -> None:
    past.tenant()
    past.sync(NOW - 10 * DAY, entities=[read(fetched=1000)])
    past.nights(5)
    past.sync(NOW - HOUR, full=True, entities=[read(fetched=records)])
    findings = find()
    assert [(finding.rule, finding.entity) for finding in findings] == [("drop", CUSTOMERS)] * is_told
    if is_told:
        assert f"downloaded only {records:,} records; an earlier one downloaded 1,000" in findings[0].what
        assert "Compare the count" in command_words(findings[0].steps, "acme")


def test_it_stays_for_the_full_reads_that_follow_until_they_are_as_before(past: Past, find: Find) -> None:
    past.tenant()
    for back, records in ((6, 1000), (4, 300), (2, 310)):
        past.sync(NOW - back * HOUR, full=True, entities=[read(fetched=records)])
    assert [finding.rule for finding in find()] == ["drop"]
    past.sync(NOW - HOUR, full=True, entities=[read(fetched=990)])
    assert find() == []


def test_few_records_may_become_fewer(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(NOW - 2 * HOUR, entities=[read(fetched=49)])
    past.sync(NOW - HOUR, full=True, entities=[read(fetched=5)])
    assert find() == []


def test_a_full_read_in_several_files_counts_as_a_whole_and_one_that_goes_on_does_not_count(
    past: Past, find: Find
) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read(fetched=1000)])
    past.land(NOW - HOUR, records=300, full=True)
    # Not at its end: the batch has another file, and then the API fell silent.
    past.connection.execute("update control.cursors set is_complete = false")
    assert find() == []
    past.connection.execute(
        """
        insert into control.landed_files (tenant, entity, batch, n, path, records, quarantined_whole, pages, bytes,
            cursor_from, cursor_to, fingerprint, landed_at, loaded_rows, loaded_fingerprint, loaded_at)
        select tenant, entity, batch, 1, path || '2', 690, 0, 1, 1, 'token', 'token', fingerprint, landed_at, 690,
            loaded_fingerprint, loaded_at
        from control.landed_files order by id desc limit 1
        """
    )
    batch = Ledger(past.connection).current("acme", CUSTOMERS)
    assert batch
    Ledger(past.connection).complete(batch, "token", NOW)
    assert find() == []


def weeks_of(past: Past, records: list[int]) -> None:
    """Four syncs a week bring so many records, the last week last; before them the first read of all."""
    past.sync(NOW - (7 * len(records) + 1) * DAY, entities=[read(fetched=9000)])
    for week, number in enumerate(records, 1):
        for night in (6, 4, 3, 1):
            past.sync(LAST_NIGHT - (7 * (len(records) - week) + night) * DAY, entities=[read(fetched=number)])
    past.sync(LAST_NIGHT, entities=[read(fetched=1)])


@pytest.mark.parametrize(
    ("weeks", "is_told"),
    [
        ([100, 100, 100, 100, 100], False),
        ([100, 100, 100, 100, 22], False),
        ([100, 100, 100, 100, 18], True),
        ([100, 100, 100, 20, 18], False),  # it was as quiet before
        ([100, 100, 100, 100, 1], True),
        ([100, 100, 100, 18], False),  # too little is known of it
    ],
)
def test_a_week_of_a_fifth_of_the_quietest_of_four_is_told(
    past: Past, find: Find, weeks: list[int], is_told: bool
) -> None:
    past.tenant()
    weeks_of(past, weeks)
    findings = find()
    assert [finding.rule for finding in findings] == ["drop"] * is_told
    if is_told:
        assert "in each of the four weeks before, at least 400 did" in findings[0].what


def test_a_week_of_nothing_at_all_is_left_to_the_rule_of_silences() -> None:
    for latest, found in ((1, 1), (0, 0)):
        weeks = [Weeks("acme", CUSTOMERS, [latest, 400, 400, 400, 400])]
        assert len(list(find_drops([], weeks, Rules(), NOW))) == found
