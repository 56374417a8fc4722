"""field_drift.py: fields that come or go after the first sync."""

from __future__ import annotations

from st_pipeline.landing.ledger import Ledger
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, NOW, Past


def test_new_fields_are_told_together_and_later_ones_apart(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3)
    ledger = Ledger(past.connection)
    ledger.record_drift("acme", CUSTOMERS, "new", ["loyalty", "beta"], NOW - 2 * HOUR)
    (first,) = find()
    assert (first.rule, first.entity, first.since) == ("drift", CUSTOMERS, NOW - 2 * HOUR)
    assert first.what == "ServiceTitan sends new fields that the reports do not use yet: beta, loyalty"
    assert "_extra" in command_words(first.steps, first.tenant)
    ledger.record_drift("acme", CUSTOMERS, "new", ["loyalty", "beta", "gamma"], NOW - HOUR)
    again, second = find()
    assert again.key == first.key
    assert second.what.endswith(": gamma")


def test_unknown_fields_of_the_first_sync_are_how_the_data_is(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(1)
    Ledger(past.connection).record_drift("acme", CUSTOMERS, "new", ["loyalty"], LAST_NIGHT)
    assert find() == []
    Ledger(past.connection).record_drift("acme", CUSTOMERS, "new", ["loyalty"], NOW)
    assert find() == []


def test_a_field_is_gone_when_it_was_missing_for_days_and_back_when_a_record_has_it(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(6)
    ledger = Ledger(past.connection)
    for back in (4, 3, 2):
        ledger.record_drift("acme", CUSTOMERS, "missing", ["email"], LAST_NIGHT - back * DAY)
        assert find() == []
    ledger.record_drift("acme", CUSTOMERS, "missing", ["email"], LAST_NIGHT - DAY)
    (gone,) = find()
    assert gone.what == "Records no longer have these fields: email"
    assert "now empty" in command_words(gone.steps, gone.tenant)
    ledger.settle_drift("acme", CUSTOMERS, ["email"])
    assert find() == []
