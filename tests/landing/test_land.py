"""An entity lands completely, in files that depend only on the data, whatever happens on the way."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from st_pipeline.landing import land as land_module
from st_pipeline.landing import open_file
from st_pipeline.landing.land import Incomplete, Landed, land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.zone import FileWriter, LandingZone
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType, Kind
from st_pipeline.servicetitan.errors import CursorRefused, Unavailable, Unfinished
from st_pipeline.servicetitan.pages import Page

from .conftest import Left, Look
from .invoices import FEW, INVOICES, JOB_TYPES, encoded, small
from .sources import BEGAN, Export, List, clock

FILE_BYTES = 250


def changed_at(number: int) -> str:
    return f"2026-02-01T10:00:00.{number:07}Z"


def some_records(count: int, first: int = 1) -> list[bytes]:
    """The first has a summary; every fifth an invalid amount, every fourth a new field, every seventh no id."""

    def record(n: int) -> bytes:
        odd = {"total": "x"} if n % 5 == 0 else {}
        new = {"new": n} if n % 4 == 0 else {}
        summary = {"summary": "only here"} if n == 1 else {}
        identified = small(n, changed_at(n), **odd, **new, **summary)
        return identified if n % 7 else small(n, changed_at(n)).replace(b'"id"', b'"nr"')

    return [record(n) for n in range(first, first + count)]


class Killed(BaseException):
    """The process ends here."""


CALLS: list[tuple[type, str]] = [
    (Ledger, "begin"), (Ledger, "paths"), (Ledger, "record_file"), (Ledger, "record_drift"), (Ledger, "settle_drift"),
    (Ledger, "complete"), (Ledger, "move_cursor"), (LandingZone, "writer"), (LandingZone, "sweep"),
    (FileWriter, "write"), (FileWriter, "close"),
]  # fmt: skip


@contextmanager
def killed_at(call: int | None, *, after: bool = False) -> Iterator[Counter[str]]:
    """Kill the process at the n-th call of the ledger or zone, before or after it; counts the calls."""
    counted: Counter[str] = Counter()

    def wrapped(name: str, method: Any) -> Any:
        def called(*arguments: Any, **keywords: Any) -> Any:
            counted[name] += 1
            is_last = counted.total() - 1 == call
            if is_last and not after:
                raise Killed
            result = method(*arguments, **keywords)
            if is_last:
                raise Killed
            return result

        return called

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in CALLS:
            patch.setattr(owner, name, wrapped(name, getattr(owner, name)))
        patch.setattr(FileWriter, "abandon", lambda self: None)  # a killed process cleans nothing up
        yield counted


def assert_crashes_leave_no_trace(
    ledger: Ledger, zone: LandingZone, look: Look, endpoint: Endpoint, records: list[bytes], **arguments: Any
) -> Left:
    """Land without interruption; then land again, killed at each call and restarted. The result is always the same."""
    source_type = Export if endpoint.kind is Kind.EXPORT else List

    def once(tenant: str) -> Landed:
        return land(source_type(records), zone, ledger, tenant, endpoint, clock=clock(), **arguments)

    with killed_at(None) as counted:
        once(f"{endpoint.entity}-undisturbed")
    undisturbed = look(f"{endpoint.entity}-undisturbed")
    for call in range(counted.total()):
        for after in (False, True):
            tenant = f"{endpoint.entity}-{call}-{after}"
            with pytest.raises(Killed), killed_at(call, after=after):
                once(tenant)
            once(tenant)
            assert look(tenant) == undisturbed, (call, after)
    return undisturbed


def test_an_export_killed_at_any_call_and_restarted_leaves_the_same_files(
    ledger: Ledger, zone: LandingZone, look: Look
) -> None:
    records = some_records(21)
    left = assert_crashes_leave_no_trace(ledger, zone, look, FEW, records, file_bytes=FILE_BYTES)
    assert left.records == [r.decode() for r in records]
    assert len(left.files) > 3
    assert left.cursor and left.cursor["is_complete"] and left.cursor["cursor"] == "21"
    assert {kind for kind, _ in left.drift} == {"new", "missing"}
    assert len(left.quarantine) == sum(f["quarantined_whole"] for f in left.files) + 4


def test_a_list_killed_at_any_call_and_restarted_is_landed_once(ledger: Ledger, zone: LandingZone, look: Look) -> None:
    left = assert_crashes_leave_no_trace(ledger, zone, look, JOB_TYPES, some_records(10))
    assert len(left.files) == 1
    assert left.cursor and left.cursor["cursor"] == "2026-02-01T09:00:00Z"


def test_every_record_lands_in_order_with_its_origin(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str, control: psycopg.Connection
) -> None:
    records = some_records(8)
    progress: list[int] = []
    landed = land(Export(records), zone, ledger, tenant, INVOICES, clock=clock(), progress=progress.append)
    assert progress == [3, 3, 2]
    (path, batch, size), = control.execute(
        "select path, batch, bytes from control.landed_files where tenant = %s", (tenant,)
    ).fetchall()  # fmt: skip
    assert path == f"accounting_invoices/tenant={tenant}/landed=2026-03-01/{batch}-0.parquet"
    with zone.reader(path) as parquet:
        rows = parquet.read().to_pylist()
        assert parquet.schema_arrow.names == [
            *(f.column for f in INVOICES.fields), "_extra", "_version", "_record", "_tenant", "_landed_at", "_batch",
        ]  # fmt: skip
        assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
    assert [row["_record"] for row in rows] == [r.decode() for r in records]
    assert {(row["_tenant"], row["_batch"]) for row in rows} == {(tenant, batch)}
    assert {row["_landed_at"] for row in rows} == {BEGAN + timedelta(seconds=1)}
    assert landed == Landed(
        batch=batch, is_full=True, records=8, quarantined_whole=1, notes=2, pages=3, files=1, bytes=size,
        cursor="8", new_fields={"new", "nr"}, missing_fields=landed.missing_fields,
    )  # fmt: skip


def test_files_end_at_the_same_records_however_often_landing_restarts(
    ledger: Ledger, zone: LandingZone, look: Look
) -> None:
    records = some_records(30)
    land(Export(records), zone, ledger, "at-once", INVOICES, file_bytes=FILE_BYTES)
    for number in range(1, len(look("at-once").files)):
        # begin, paths, sweep, writer, write, close, record_file: each process lives for one file
        with killed_at(6, after=True) as counted, pytest.raises(Killed):
            land(Export(records), zone, ledger, "in-steps", INVOICES, file_bytes=FILE_BYTES)
        assert counted["record_file"] == 1
        assert len(look("in-steps").files) == number
    land(Export(records), zone, ledger, "in-steps", INVOICES, file_bytes=FILE_BYTES)
    assert look("at-once") == look("in-steps")
    assert all(file["pages"] * 3 == file["records"] for file in look("at-once").files)


def test_a_second_landing_reads_from_the_cursor_and_one_without_new_records_writes_no_file(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = Export(some_records(4))
    land(source, zone, ledger, tenant, INVOICES)
    unchanged = land(source, zone, ledger, tenant, INVOICES)
    assert (unchanged.records, unchanged.files, unchanged.is_full, unchanged.cursor) == (0, 0, False, "4")
    source.records = some_records(6)
    assert land(source, zone, ledger, tenant, INVOICES).records == 2
    assert source.asked == [None, "4", "4"]
    assert look(tenant).records == [r.decode() for r in some_records(6)]


def test_an_error_midway_keeps_what_came_before_and_the_next_sync_continues_there(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = Export(some_records(12), fails_at=6)
    with pytest.raises(Unavailable, match="no answer"):
        land(source, zone, ledger, tenant, INVOICES)
    left = look(tenant)
    assert [f["records"] for f in left.files] == [6]
    assert left.cursor and (left.cursor["cursor"], left.cursor["is_complete"]) == ("6", False)
    source.fails_at = None
    landed = land(source, zone, ledger, tenant, INVOICES)
    assert (source.asked, landed.records, landed.is_full) == ([None, "6"], 6, True)
    assert look(tenant).records == [r.decode() for r in some_records(12)]


def test_an_error_before_the_first_page_leaves_nothing_but_the_batch(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    with pytest.raises(Unavailable):
        land(Export(some_records(3), fails_at=0), zone, ledger, tenant, INVOICES)
    left = look(tenant)
    assert (left.files, left.drift) == ([], [])
    assert left.cursor and not left.cursor["is_complete"]


def test_pages_without_records_are_not_read_again(ledger: Ledger, zone: LandingZone, look: Look, tenant: str) -> None:
    class Empty(Export):
        """Two empty pages a read, and then an error."""

        def pages(self, endpoint: Endpoint, cursor: str | None = None) -> Iterator[Page]:
            self.asked.append(cursor)
            for position in range(int(cursor or 0) + 1, int(cursor or 0) + 3):
                yield Page([], 0, True, str(position), None)
            raise Unfinished("empty pages", tenant=tenant)

    source = Empty([])
    for _ in range(3):
        with pytest.raises(Unfinished):
            land(source, zone, ledger, tenant, INVOICES)
    assert source.asked == [None, "2", "4"]
    left = look(tenant)
    assert left.files == []
    assert left.cursor and (left.cursor["cursor"], left.cursor["is_complete"]) == ("6", False)
    landed = land(Export(some_records(9)), zone, ledger, tenant, INVOICES)
    assert (landed.records, landed.is_full, landed.cursor) == (3, True, "9")


def test_a_file_that_cannot_be_written_leaves_nothing_and_is_fetched_again(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*arguments: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space left"):
        patch.setattr(FileWriter, "write", full_disk)
        land(Export(some_records(5)), zone, ledger, tenant, INVOICES)
    assert look(tenant).files == []
    land(Export(some_records(5)), zone, ledger, tenant, INVOICES)
    assert look(tenant).records == [r.decode() for r in some_records(5)]


def test_a_rejected_cursor_restarts_the_entity_from_the_beginning(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = Export(some_records(4))
    land(source, zone, ledger, tenant, INVOICES)
    source.refused, source.records = {"4"}, some_records(6)
    landed = land(source, zone, ledger, tenant, INVOICES)
    assert source.asked == [None, "4", None]
    assert (landed.records, landed.cursor, landed.is_full) == (6, "6", False)
    assert [f["records"] for f in look(tenant).files] == [4, 6]


def test_a_rejection_from_the_beginning_is_an_error(ledger: Ledger, zone: LandingZone, tenant: str) -> None:
    class Refusing(Export):
        def pages(self, endpoint: Endpoint, cursor: str | None = None) -> Any:
            raise CursorRefused("never", tenant="t", status=400)

    with pytest.raises(CursorRefused):
        land(Refusing([]), zone, ledger, tenant, INVOICES)


def test_a_full_read_starts_over_and_an_incremental_one_continues_it(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = Export(some_records(9))
    land(source, zone, ledger, tenant, INVOICES)
    source.fails_at = 6
    with pytest.raises(Unavailable):
        land(source, zone, ledger, tenant, INVOICES, full=True)
    assert not (look(tenant).cursor or {})["is_due"]
    source.fails_at = None
    landed = land(source, zone, ledger, tenant, INVOICES)
    assert source.asked == [None, None, "6"]
    assert (landed.is_full, landed.records) == (True, 3)
    left = look(tenant)
    assert [f["records"] for f in left.files] == [9, 6, 3]
    assert left.cursor and left.cursor["is_due"]


def test_a_full_read_does_not_continue_an_unfinished_incremental_one(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = Export(some_records(3))
    land(source, zone, ledger, tenant, INVOICES)
    source.records, source.fails_at = some_records(9), 6
    with pytest.raises(Unavailable):
        land(source, zone, ledger, tenant, INVOICES)
    source.fails_at = None
    assert land(source, zone, ledger, tenant, INVOICES, full=True).records == 9
    assert source.asked == [None, "3", None]
    assert [f["records"] for f in look(tenant).files] == [3, 3, 9]


def test_the_very_first_read_is_full_but_marks_no_deletions(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    land(Export(some_records(3)), zone, ledger, tenant, INVOICES, full=True)
    assert (look(tenant).cursor or {})["is_due"] is False


def test_files_that_a_crash_left_are_swept_and_those_of_others_are_not(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    land(Export(some_records(3)), zone, ledger, tenant, INVOICES)
    root = Path(zone.location)
    mine = root / f"accounting_invoices/tenant={tenant}/landed=2020-01-01"
    others = [
        root / f"accounting_invoices/tenant={tenant}-2/landed=2020-01-01/a-0.parquet",
        root / f"jpm_jobs/tenant={tenant}/landed=2020-01-01/a-0.parquet",
    ]
    for path in (mine / "a-0.parquet", mine / "a-1.parquet.unfinished", *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left by a crash")
    land(Export(some_records(3)), zone, ledger, tenant, INVOICES)
    assert list(mine.iterdir()) == []
    assert all(path.exists() for path in others)
    others[1].unlink()
    assert len(look(tenant).files) == 1


def test_a_list_continues_an_hour_before_the_newest_change_it_has_seen(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = List([small(1, "2026-02-01T10:00:00Z"), small(2, "2026-02-03T08:30:00.7Z"), small(3), small(4, "never")])
    assert land(source, zone, ledger, tenant, JOB_TYPES).cursor == "2026-02-03T07:30:00Z"
    source.records = []
    assert land(source, zone, ledger, tenant, JOB_TYPES).cursor == "2026-02-03T07:30:00Z"
    source.records = [small(5, "2026-02-01T00:00:00Z")]
    assert land(source, zone, ledger, tenant, JOB_TYPES).cursor == "2026-02-03T07:30:00Z"
    assert source.asked == [None, "2026-02-03T07:30:00Z", "2026-02-03T07:30:00Z"]


def test_a_list_record_dated_in_the_future_hides_no_other_change(
    ledger: Ledger, zone: LandingZone, tenant: str
) -> None:
    source = List([small(1, "2026-02-01T10:00:00Z"), small(2, "2999-01-01T00:00:00Z")])
    cursor = land(source, zone, ledger, tenant, JOB_TYPES, clock=clock()).cursor
    assert cursor is not None and cursor <= "2026-03-01T11:59:59Z"


def test_a_list_without_a_modification_time_is_read_in_full_every_time(
    ledger: Ledger, zone: LandingZone, tenant: str
) -> None:
    whole = dataclasses.replace(JOB_TYPES, cursor_field=None)
    source = List([small(1, "2026-02-01T10:00:00Z")])
    for _ in range(2):
        assert land(source, zone, ledger, tenant, whole).cursor is None
    assert source.asked == [None, None]


def test_a_list_with_fewer_records_than_its_total_fails_and_is_read_again(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    source = List(some_records(5))
    land(source, zone, ledger, tenant, JOB_TYPES)
    cursor = (look(tenant).cursor or {})["cursor"]
    source.total = 6
    with pytest.raises(Incomplete, match=rf"{tenant} jpm_job_types: .* 5 of the 6 .* next sync"):
        land(source, zone, ledger, tenant, JOB_TYPES)
    left = look(tenant)
    assert left.cursor and (left.cursor["cursor"], left.cursor["is_complete"]) == (cursor, False)
    source.total, source.records = None, some_records(6)
    land(source, zone, ledger, tenant, JOB_TYPES)
    assert source.asked == [None, cursor, cursor]
    assert (look(tenant).cursor or {})["is_complete"]


def test_an_empty_list_is_complete(ledger: Ledger, zone: LandingZone, look: Look, tenant: str) -> None:
    landed = land(List([]), zone, ledger, tenant, JOB_TYPES)
    assert (landed.records, landed.total_count, landed.files) == (0, 0, 0)
    assert (look(tenant).cursor or {})["is_complete"]


TINY = dataclasses.replace(FEW, fields=(*FEW.fields, Field(("old",), "old", FieldType.TEXT)))


def test_a_field_that_no_record_has_is_missing_until_it_comes_back(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    def brings(*records: bytes) -> list[tuple[str, str]]:
        land(Export(records), zone, ledger, tenant, TINY, full=True)
        return look(tenant).drift

    complete = {"summary": "s", "total": 1, "customer": {"id": 1, "name": "n"}, "old": "o"}
    assert brings(small(1, changed_at(1), **complete)) == []
    assert brings(small(1, changed_at(1), **(complete | {"old": None}))) == []
    assert brings(small(1, changed_at(1), summary="s", total="x"), small(2, customer={})) == [("missing", "old")]
    assert brings() == [("missing", "old")]
    assert brings(small(1), small(2, changed_at(2), **complete)) == []


def test_a_new_field_is_drift_until_the_catalogue_has_it(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    complete = {"summary": "s", "total": 1, "customer": {"id": 1, "nick": "x"}, "old": "o", "colour": "red"}
    source = Export([small(1, changed_at(1), **complete)])
    land(source, zone, ledger, tenant, TINY)
    assert look(tenant).drift == [("new", "colour"), ("new", "customer.nick")]
    grown = (*TINY.fields, Field(("colour",), "colour", FieldType.TEXT))
    land(source, zone, ledger, tenant, dataclasses.replace(TINY, fields=grown), full=True)
    assert look(tenant).drift == [("new", "customer.nick")]


def test_a_field_name_of_any_length_is_drift_and_not_a_failure(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    land(Export([encoded({"id": 1, "x" * 10_000: 1, "x" * 10_000 + "y": 2})]), zone, ledger, tenant, INVOICES)
    assert ("new", "x" * 500) in look(tenant).drift


def test_only_one_row_group_waits_in_memory_however_large_the_file(
    ledger: Ledger, zone: LandingZone, tenant: str, control: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_file, "ROW_GROUP_BYTES", 20_000)
    waiting: list[int] = []
    add = open_file.OpenFile.add

    def watched(self: open_file.OpenFile, *arguments: Any) -> None:
        add(self, *arguments)
        waiting.append(self.waiting_bytes)

    monkeypatch.setattr(open_file.OpenFile, "add", watched)
    records = [small(n, changed_at(n), summary="s" * 1_000) for n in range(200)]
    land(Export(records, page_size=10), zone, ledger, tenant, INVOICES)
    ((path,),) = control.execute("select path from control.landed_files where tenant = %s", (tenant,)).fetchall()
    assert max(waiting) < 20_000 and len(waiting) == 20
    with zone.reader(path) as parquet:
        assert parquet.num_row_groups >= 10
        assert parquet.read(["id"]).column("id").to_pylist() == list(range(200))


def test_notes_that_wait_for_their_file_are_bounded_too(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(land_module, "NOTES_BYTES", 1_000)
    records = [small(n, changed_at(n), total="x", summary="s" * 300) for n in range(9)]
    land(Export(records), zone, ledger, tenant, INVOICES)
    left = look(tenant)
    assert [f["records"] for f in left.files] == [3, 3, 3]
    assert [note[:2] for note in left.quarantine] == [(n, row) for n in range(3) for row in range(3)]


def test_the_same_ids_in_two_tenants_are_two_landings(
    ledger: Ledger, zone: LandingZone, look: Look, tenant: str
) -> None:
    for key in (tenant, f"{tenant}-twin"):
        land(Export(some_records(4)), zone, ledger, key, INVOICES)
    assert look(tenant) == look(f"{tenant}-twin")
