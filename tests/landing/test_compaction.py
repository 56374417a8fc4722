"""Combined files have the same records in the same order, the ledger is unchanged, and a kill does no harm."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.landing import compaction
from st_pipeline.landing.compaction import Compacted, compact, first_month_kept, plan
from st_pipeline.landing.joining import StoredFile
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.rows import open_rows
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.landing.zone import FileWriter, LandingZone
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.model import Field, FieldType

from .invoices import FEW, small
from .months import DAY, MARCH, Months

MAY = datetime(2026, 5, 20, tzinfo=UTC)
WEEK = timedelta(days=7)
MOVED = ("path", "first_row", "compacted_at")


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def months(warehouse: Database, control: psycopg.Connection, zone: LandingZone, tenant: str) -> Months:
    months = Months(warehouse, control, zone, tenant)
    months.forget()
    return months


def run(months: Months, now: datetime = MAY, **options: int) -> Compacted:
    return compact(months.database, months.zone, now, WEEK, **options)


def test_files_of_a_month_become_one_record_for_record_and_the_ledger_says_the_same_of_them(months: Months) -> None:
    months.days(3)
    ledger, records, notes = months.ledger(*MOVED), months.records(), months.notes()
    files = len(months.on_disk)
    done = run(months)
    assert (done.files_before, done.files_after, done.problems) == (files, 1, [])
    assert done.records == sum(map(len, records)) == 12
    assert len(months.on_disk) == 1
    assert months.on_disk == months.known
    assert months.records() == records
    assert months.ledger(*MOVED) == ledger
    assert months.notes() == notes
    assert [row["first_row"] for row in months.ledger()] == sorted(row["first_row"] for row in months.ledger())


def test_each_quarantine_note_still_points_to_its_record(months: Months) -> None:
    months.days(3)
    run(months)
    ids = [row["id"] for row in months.ledger()]
    records = months.records()
    assert len(months.notes()) == 6
    for file_id, row_number, _, _, _, record in months.notes():
        assert records[ids.index(file_id)][row_number][2] == record


def test_a_reload_from_the_joined_file_gives_the_same_raw_table_row_for_row(months: Months) -> None:
    months.days(2)
    raw, notes = months.raw(), months.notes()
    run(months)
    months.load(again=True)
    assert months.raw() == raw
    months.connection.execute('delete from raw."accounting_invoices" where tenant = %s', (months.tenant,))
    months.load(again=True)
    assert months.raw() == raw
    assert months.notes() == notes


def test_a_column_added_later_is_filled_from_the_joined_file(months: Months) -> None:
    months.days(3)
    run(months)
    notes = months.notes()
    months.endpoint = dataclasses.replace(
        FEW, fields=(*FEW.fields, Field(("unknown",), "added_later", FieldType.JSONB, ""))
    )
    months.connection.execute('alter table raw."accounting_invoices" add column if not exists added_later jsonb')
    months.load()
    found = months.connection.execute(
        'select count(*) from raw."accounting_invoices" where tenant = %s and added_later is not null', (months.tenant,)
    ).fetchone()
    assert found == (3,)
    assert [note[1:] for note in months.notes()] == [note[1:] for note in notes]


def test_rows_missing_from_a_full_read_are_marked_even_after_its_files_were_combined(months: Months) -> None:
    months.sync(MARCH, [small(1, "2026-01-01T00:00:00Z"), small(2, "2026-01-01T00:00:00Z")])
    del months.feed[0]
    months.sync(MARCH + DAY, [small(3, "2026-01-02T00:00:00Z")], full=True, judged=False)
    run(months)
    assert len(months.on_disk) == 1
    months.sync(MAY, [])
    gone = months.connection.execute(
        'select id from raw."accounting_invoices" where tenant = %s and _deleted_at is not null', (months.tenant,)
    ).fetchall()
    assert gone == [(1,)]


def test_the_next_landing_neither_deletes_nor_changes_the_combined_file(months: Months) -> None:
    months.days(3)
    run(months)
    (joined,) = months.on_disk
    months.sync(MAY, [small(900, "2026-05-20T00:00:00Z")])
    assert joined in months.on_disk
    assert len(months.on_disk) == 2
    assert months.on_disk == months.known


def test_a_month_is_combined_long_enough_after_its_end_and_months_stay_separate(months: Months) -> None:
    months.days(2)
    months.days(2, datetime(2026, 4, 29, tzinfo=UTC))
    assert run(months, datetime(2026, 4, 7, tzinfo=UTC)).files_after == 0
    assert run(months, datetime(2026, 4, 8, tzinfo=UTC)).files_after == 1
    assert run(months, datetime(2026, 5, 7, tzinfo=UTC)).files_after == 0
    assert run(months, datetime(2026, 5, 8, tzinfo=UTC)).files_after == 1
    assert len(months.on_disk) == 2
    assert run(months).files_after == 0


def test_a_file_is_combined_only_after_it_is_loaded(months: Months) -> None:
    months.days(3)
    months.sync(MARCH + 5 * DAY, [small(901, "2026-03-06T00:00:00Z")], loaded=False)
    records = months.records()
    assert run(months).files_after == 1
    assert len(months.on_disk) == 2
    months.load()
    assert run(months).files_before == 2
    assert len(months.on_disk) == 1
    assert months.records() == records


def test_a_file_is_no_larger_than_the_limit_and_a_large_one_stays(months: Months) -> None:
    months.days(4)
    records = months.records()
    largest = 1200
    run(months, largest=largest)
    assert 1 < len(months.on_disk) < 8
    assert months.records() == records
    for path in months.on_disk:
        with open_rows(months.zone, path) as rows:
            assert sum(len(str(text)) for text in rows.column("_record").to_pylist()) <= largest


def test_a_tenant_that_is_being_synced_is_left_for_the_next_time(months: Months) -> None:
    months.days(2)
    with tenant_lock(months.database, months.tenant, "a sync", wait_seconds=0):
        done = run(months)
    assert done.busy == [months.tenant]
    assert done.files_after == 0
    assert run(months).files_after == 1


def test_a_file_that_does_not_match_the_ledger_stops_only_its_entity(
    months: Months, warehouse: Database, control: psycopg.Connection, zone: LandingZone
) -> None:
    months.days(2)
    other = Months(warehouse, control, zone, f"{months.tenant}-other")
    other.days(2)
    control.execute(
        "update control.landed_files set records = 5, loaded_rows = 4 where id = "
        "(select min(id) from control.landed_files where tenant = %s)", (months.tenant,)
    )  # fmt: skip
    before = months.ledger()
    done = run(months)
    assert months.ledger() == before
    assert len(other.on_disk) == 1
    (problem,) = done.problems
    assert months.tenant in problem
    assert "has 3 rows but should have 5" in problem


STEPS = {
    "while the new file is written": (FileWriter, "close"),
    "when it is written": (compaction, "join"),
    "before the ledger is changed": (compaction._Compaction, "_record"),
    "when the ledger has changed": (compaction._Compaction, "_record"),
    "while the old files are removed": (LandingZone, "sweep"),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_leaves_the_old_files_or_the_new_one_and_the_next_run_finishes(
    step: str, months: Months, monkeypatch: pytest.MonkeyPatch
) -> None:
    months.days(2)
    ledger, records, raw, notes = months.ledger(*MOVED), months.records(), months.raw(), months.notes()
    owner, name = STEPS[step]
    original = getattr(owner, name)
    calls: dict[str, int] = defaultdict(int)

    def dies(*given: object, **named: object) -> object:
        calls[name] += 1
        if step in ("when it is written", "when the ledger has changed"):
            original(*given, **named)
        if name == "sweep":
            if calls[name] == 1:
                return original(*given, **named)
            # One file is deleted, then the process is killed.
            path = next(iter(months.on_disk - months.known))
            (Path(months.zone.location) / path).unlink()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dies)
        patched.setattr(FileWriter, "abandon", lambda self: self._pool.shutdown())  # no cleanup runs after a kill
        with pytest.raises(Killed):
            run(months)
    assert months.known <= months.on_disk
    assert len(months.on_disk) > 1
    assert len(months.known) == (1 if step in ("when the ledger has changed", "while the old files are removed") else 4)
    assert months.records() == records
    months.load(again=True)
    assert months.raw() == raw
    run(months)
    assert months.on_disk == months.known
    assert len(months.on_disk) == 1
    assert months.records() == records
    assert months.ledger("loaded_at", *MOVED) == [
        {name: value for name, value in row.items() if name != "loaded_at"} for row in ledger
    ]
    months.load(again=True)
    assert months.raw() == raw
    assert months.notes() == notes


def test_the_next_landing_also_deletes_files_left_by_a_kill(months: Months, monkeypatch: pytest.MonkeyPatch) -> None:
    months.days(3)
    with monkeypatch.context() as patched:
        patched.setattr(compaction._Compaction, "_record", lambda *given: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            run(months)
    assert len(months.on_disk) == 7
    months.sync(MAY, [])
    assert months.on_disk == months.known == {row["path"] for row in months.ledger()}
    assert Ledger(months.connection).current(months.tenant, FEW.entity)


def test_more_files_than_fit_one_pass_still_become_one(months: Months, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MOST_FILES", 3)
    months.days(3)
    records = months.records()
    done = run(months)
    assert len(months.on_disk) == 1
    assert done.files_after > 1
    assert months.records() == records


files_given = st.lists(
    st.tuples(st.sampled_from(["2026-03", "2026-04"]), st.sampled_from(["old", "new"]), st.integers(1, 130)),
    max_size=25,
)


@given(files_given)
def test_a_plan_separates_months_and_typings_keeps_the_limit_and_takes_every_small_file_with_a_partner(
    given_files: list[tuple[str, str, int]],
) -> None:
    files = [StoredFile(f"{n}", typing, month, MARCH, 1, 1) for n, (month, typing, _) in enumerate(given_files)]
    sizes = {f"{n}": size for n, (_, _, size) in enumerate(given_files)}
    groups = plan(files, sizes, 128)
    taken = [file for group in groups for file in group]
    assert len(taken) == len(set(taken))
    for group in groups:
        assert len(group) > 1
        assert len({(file.month, file.fingerprint) for file in group}) == 1
        assert sum(sizes[file.path] for file in group) <= 128
        assert group == sorted(group, key=files.index)
    left = [file for file in files if file not in taken and sizes[file.path] < 64]
    assert len(left) <= len({(file.month, file.fingerprint) for file in files})


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.integers(0, 400))
def test_only_months_that_ended_long_enough_ago_are_combined(now: datetime, days: int) -> None:
    before = first_month_kept(now, timedelta(days=days))
    assert before.day == 1
    assert before + timedelta(days=days) <= now
    following = (before + timedelta(days=32)).replace(day=1)
    assert following + timedelta(days=days) > now
