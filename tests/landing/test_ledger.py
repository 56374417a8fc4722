"""Ledger entries are written completely or not at all, and a batch continues where it stopped."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import psycopg
import pytest

from st_pipeline.landing.ledger import Batch, LandedFile, Ledger
from st_pipeline.landing.typer import Problem

from .sources import BEGAN

ENTITY = "crm_customers"
NOTES = [
    Problem(0, 1, "total", "not a number", '{"id":1,"total":"\\u0000x"}'),
    Problem(1, None, None, "no usable id", "7"),
]


def file_of(batch: Batch, n: int = 0, cursor: str | None = "next") -> LandedFile:
    return LandedFile(
        tenant=batch.tenant, entity=batch.entity, batch=batch.batch, n=n, path=f"{batch.tenant}/{batch.batch}-{n}",
        records=2, quarantined_whole=1, pages=1, bytes=10, cursor_from=batch.cursor, cursor_to=cursor,
        fingerprint="f", landed_at=BEGAN,
    )  # fmt: skip


def test_an_entity_begins_with_a_full_batch_from_the_beginning(ledger: Ledger, tenant: str) -> None:
    assert ledger.current(tenant, ENTITY) is None
    batch = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    assert (batch.is_full, batch.cursor, batch.files, batch.seen, batch.is_complete) == (
        True,
        None,
        0,
        frozenset(),
        False,
    )
    assert batch.batch.startswith("20260301T120000Z-")
    assert ledger.current(tenant, ENTITY) == batch


def test_an_unfinished_batch_continues_from_its_recorded_files(ledger: Ledger, tenant: str) -> None:
    batch = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    ledger.record_file(file_of(batch), NOTES, {"new"}, {"id", "total"})
    again = ledger.begin(tenant, ENTITY, BEGAN + timedelta(days=1), full=False)
    assert again == dataclasses.replace(batch, files=1, cursor="next", seen=frozenset({"id", "total"}))
    assert ledger.paths(tenant, ENTITY) == {f"{tenant}/{batch.batch}-0"}


def test_a_complete_batch_is_followed_by_a_new_one_from_its_cursor(ledger: Ledger, tenant: str) -> None:
    batch = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    ledger.record_file(file_of(batch), [], [], {"id"})
    ledger.complete(batch, "end", BEGAN)
    following = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    assert following.batch != batch.batch
    assert (following.is_full, following.cursor, following.files, following.seen) == (False, "end", 0, frozenset())


def test_a_file_its_notes_its_drift_and_the_cursor_are_recorded_together_or_not_at_all(
    ledger: Ledger, control: psycopg.Connection, tenant: str
) -> None:
    batch = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    unstorable = dataclasses.replace(NOTES[0], record="a\0b")
    with pytest.raises(psycopg.DataError):
        ledger.record_file(file_of(batch), [unstorable], {"new"}, {"id"})
    counts = [
        control.execute(f"select count(*) from control.{table} where tenant = %s", (tenant,)).fetchone()  # pyright: ignore
        for table in ("landed_files", "quarantine", "drift")
    ]
    assert counts == [(0,), (0,), (0,)]
    assert ledger.current(tenant, ENTITY) == batch


def test_what_is_recorded_together_is_rolled_back_together(ledger: Ledger, tenant: str) -> None:
    batch = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    with pytest.raises(ZeroDivisionError), ledger.together():
        ledger.record_file(file_of(batch), NOTES, {"new"}, {"id"})
        ledger.complete(batch, "end", BEGAN)
        raise ZeroDivisionError
    assert ledger.current(tenant, ENTITY) == batch
    assert ledger.paths(tenant, ENTITY) == set()


def test_notes_are_kept_with_tenant_entity_id_field_reason_and_record(
    ledger: Ledger, control: psycopg.Connection, tenant: str
) -> None:
    ledger.record_file(file_of(ledger.begin(tenant, ENTITY, BEGAN, full=False)), NOTES, [])
    rows = control.execute(
        "select entity, row_number, record_id, field, reason, record, noted_at from control.quarantine "
        "where tenant = %s order by row_number", (tenant,)
    ).fetchall()  # fmt: skip
    assert rows == [(ENTITY, n.row, n.record_id, n.field, n.reason, n.record, BEGAN) for n in NOTES]


def test_deletions_are_marked_for_a_complete_full_batch_that_follows_another(ledger: Ledger, tenant: str) -> None:
    def run(*, full: bool) -> Batch | None:
        batch = ledger.begin(tenant, ENTITY, BEGAN, full=full)
        ledger.record_file(file_of(batch), [], [])
        ledger.complete(batch, "end", BEGAN)
        return ledger.current(tenant, ENTITY)

    first, plain, full, after = run(full=True), run(full=False), run(full=True), run(full=False)
    assert first and first.full_batch is None
    assert plain and plain.full_batch is None
    assert full and full.full_batch == full.batch
    assert after and after.full_batch == full.batch != after.batch


def test_a_restarted_batch_has_no_cursor_and_keeps_its_files(ledger: Ledger, tenant: str) -> None:
    batch = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    ledger.record_file(file_of(batch), [], [])
    ledger.move_cursor(batch, None)
    again = ledger.begin(tenant, ENTITY, BEGAN, full=False)
    assert (again.batch, again.cursor, again.files) == (batch.batch, None, 1)


def test_drift_keeps_when_it_was_first_and_last_seen(ledger: Ledger, control: psycopg.Connection, tenant: str) -> None:
    later = BEGAN + timedelta(days=1)
    ledger.record_drift(tenant, ENTITY, "missing", {"a", "b"}, BEGAN)
    ledger.record_drift(tenant, ENTITY, "missing", {"a"}, later)
    ledger.record_drift(tenant, ENTITY, "new", {"a", "c"}, later)
    question = "select kind, field, first_seen_at, last_seen_at from control.drift where tenant = %s order by 1, 2"
    assert control.execute(question, (tenant,)).fetchall() == [
        ("missing", "a", BEGAN, later), ("missing", "b", BEGAN, BEGAN), ("new", "a", later, later),
        ("new", "c", later, later),
    ]  # fmt: skip
    ledger.settle_drift(tenant, ENTITY, {"a"}, {"c"})
    assert [row[:2] for row in control.execute(question, (tenant,))] == [("missing", "b"), ("new", "a")]


def test_tenants_and_entities_have_separate_batches(ledger: Ledger, tenant: str) -> None:
    batches = [ledger.begin(*which, BEGAN, full=False) for which in (
        (tenant, ENTITY), (tenant, "crm_locations"), (f"{tenant}-twin", ENTITY),
    )]  # fmt: skip
    ledger.complete(batches[0], "end", BEGAN)
    assert [ledger.current(b.tenant, b.entity) for b in batches[1:]] == batches[1:]
