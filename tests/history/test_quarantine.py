"""The quarantine, counted and paged."""

from __future__ import annotations

from st_pipeline.history.quarantine import Reason, read_counts, read_records
from st_pipeline.landing.typer import Problem
from tests.support.past import CUSTOMERS, NOW, Past

JOBS = "jpm_jobs"


def test_counts_of_excluded_records_and_fields_are_by_entity_and_tenant(past: Past) -> None:
    past.tenant()
    past.tenant("bolt")
    past.land(
        NOW,
        notes=[
            Problem(0, 1, "balance", "no", "{}"),
            Problem(0, 1, "active", "no", "{}"),
            Problem(1, None, None, "x", "7"),
        ],
    )
    past.land(NOW, entity=JOBS, notes=[Problem(0, 5, "total", "no", "{}")])
    past.land(NOW, "bolt", notes=[Problem(0, 9, "total", "no", "{}")])
    counts = [(one.entity, one.whole, one.fields, one.newest_at) for one in read_counts(past.connection, "acme")]
    assert counts == [(CUSTOMERS, 1, 2, NOW), (JOBS, 0, 1, NOW)]


def test_a_record_is_listed_once_with_all_its_reasons_and_as_sent(past: Past) -> None:
    past.tenant()
    sent = '{"id": 1, "balance": "lots",  "x": "é"}'
    past.land(
        NOW, notes=[Problem(0, 1, "balance", "not a number", sent), Problem(0, 1, "active", "not true or false", sent)]
    )
    (record,) = read_records(past.connection, "acme").records
    assert (record.entity, record.record_id, record.record, record.noted_at) == (CUSTOMERS, 1, sent, NOW)
    assert list(record.reasons) == [Reason("active", "not true or false"), Reason("balance", "not a number")]


def test_pages_have_every_record_once_the_newest_first(past: Past) -> None:
    past.tenant()
    past.tenant("bolt")
    for batch in range(3):
        past.land(NOW, notes=[Problem(row, 10 * batch + row, "total", "no", "{}") for row in range(5)])
    past.land(NOW, entity=JOBS, notes=[Problem(0, 99, None, "no", "{}")])
    past.land(NOW, "bolt", notes=[Problem(0, 77, "total", "no", "{}")])
    seen: list[int | None] = []
    after = None
    for _ in range(10):
        page = read_records(past.connection, "acme", after=after, limit=4)
        seen += [record.record_id for record in page.records]
        if (after := page.next) is None:
            break
    assert seen == [99, 24, 23, 22, 21, 20, 14, 13, 12, 11, 10, 4, 3, 2, 1, 0]
    assert [record.record_id for record in read_records(past.connection, "acme", entity=JOBS).records] == [99]
    assert read_records(past.connection, "acme", limit=16).next is None
