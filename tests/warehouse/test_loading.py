"""Each file is loaded completely or not at all, and is never counted twice."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from st_pipeline import postgres
from st_pipeline.landing.hold import LockLost, take
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType
from st_pipeline.warehouse import loading, upsert
from st_pipeline.warehouse.loading import Loaded
from st_pipeline.warehouse.pending_files import pending
from st_pipeline.warehouse.schema import ensure_tables
from tests.landing.invoices import INVOICES, encoded, small, whole
from tests.warehouse.loads import load

from .conftest import LandFiles, ReadRaw

MAY = "2024-05-01T10:00:00Z"


class Killed(BaseException):
    """The process ends here."""


def state(control: psycopg.Connection, tenant: str) -> list[Any]:
    """A tenant's loads in the ledger."""
    loads = control.execute("select entity, changed_at from control.raw_loads where tenant = %s", (tenant,)).fetchall()
    files = control.execute(
        "select n, loaded_rows, quarantined_whole, loaded_fingerprint from control.landed_files where tenant = %s "
        "order by id", (tenant,)
    ).fetchall()  # fmt: skip
    return [*loads, *files]


def notes(control: psycopg.Connection, tenant: str) -> list[Any]:
    return control.execute(
        "select row_number, record_id, field, reason, record from control.quarantine where tenant = %s "
        "order by file_id, row_number, field", (tenant,)
    ).fetchall()  # fmt: skip


def grown(*fields: Field) -> Endpoint:
    return dataclasses.replace(INVOICES, fields=(*INVOICES.fields, *fields))


@pytest.mark.parametrize("entity", ASSET_ENTITIES)
def test_every_field_of_every_entity_arrives_in_its_column(
    entity: str, warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str
) -> None:
    one = endpoint(entity)
    land_files(tenant, [encoded(whole(one, 1, colour="red")), b'{"id":2}', b"7"], endpoint=one)
    assert load(warehouse, zone, tenant, one) == Loaded(files=1, rows=2, quarantined_whole=1)
    first, second = raw(tenant, endpoint=one)
    values: dict[FieldType, Any] = {
        FieldType.BIGINT: 7, FieldType.TEXT: "text", FieldType.BOOLEAN: True, FieldType.NUMERIC: Decimal("12.5"),
        FieldType.TIMESTAMPTZ: datetime(2024, 5, 1, 10, 0, 0, 123456, UTC), FieldType.JSONB: [{"a": 1}],
        FieldType.DATE: datetime(2024, 5, 1).date(),
    }  # fmt: skip
    expected = {field.column: values[field.type] for field in one.fields} | {"id": 1, "_extra": {"colour": "red"}}
    assert first == expected | {k: first[k] for k in ("_version", "_landed_at")} | {
        "tenant": tenant,
        "_deleted_at": None,
    }
    assert second == dict.fromkeys(first) | {"tenant": tenant, "id": 2, "_landed_at": first["_landed_at"]}


def test_amounts_are_exact_to_the_last_digit_and_without_padding(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str
) -> None:
    amounts = ["9999999999999999999.9999999999999999999", "-0.0000000000000000001", "12.50", "1e3"]
    land_files(tenant, [f'{{"id":{n},"total":{amount}}}'.encode() for n, amount in enumerate(amounts)])
    load(warehouse, zone, tenant, INVOICES)
    assert [f"{row['total']:f}" for row in raw(tenant, "total")] == [*amounts[:2], "12.5", "1000"]


def test_what_postgres_cannot_store_is_removed_on_load_and_stays_in_the_file(
    warehouse: Database,
    zone: LandingZone,
    land_files: LandFiles,
    raw: ReadRaw,
    control: psycopg.Connection,
    tenant: str,
) -> None:
    records = [
        rb'{"id":1,"summary":"a\u0000b\ud800","items":["\u0000"],"no\u0000te":"\udfff"}',
        b'{"id":2,"items":[1e999999],"odd":1e999999,"even":2,"customer":{"odd":1e-99999}}',
        b'{"id":3,"items":[NaN],"total":NaN,"odd":[NaN],"even":2}',
        b'{"id":4,"items":["0e84400e-1111-4e12-8e99-7e123456789a"],"odd":"1e999999"}',
        b'{"id":5,"items":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"id":"\\u0000x"}',
    ]
    land_files(tenant, records)
    assert load(warehouse, zone, tenant, INVOICES) == Loaded(files=1, rows=5, quarantined_whole=1)
    rows = raw(tenant, "summary", "items", "_extra")
    assert [(r["summary"], r["_extra"]) for r in rows] == [
        ("ab", {"note": ""}), (None, {"even": 2}), (None, {"even": 2}), (None, {"odd": "1e999999"}), (None, None),
    ]  # fmt: skip
    assert [r["items"] for r in rows[:4]] == [[""], None, None, ["0e84400e-1111-4e12-8e99-7e123456789a"]]
    assert [(note[1], note[2]) for note in notes(control, tenant)] == [
        (2, "_extra"), (2, "_extra"), (2, "items"), (3, "_extra"), (3, "items"), (3, "total"), (None, None),
    ]  # fmt: skip
    ((path,),) = control.execute("select path from control.landed_files where tenant = %s", (tenant,)).fetchall()
    with zone.reader(path) as parquet:
        assert parquet.read(["_record"]).column(0).to_pylist() == [r.decode() for r in records]


def test_the_same_id_in_two_tenants_is_two_rows(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str
) -> None:
    twin = f"{tenant}-twin"
    for key in (tenant, twin):
        land_files(key, [small(1, MAY, summary=key)])
        load(warehouse, zone, key, INVOICES)
    land_files(twin, [small(1, "2024-06-01T10:00:00Z", summary="changed")])
    load(warehouse, zone, twin, INVOICES)
    assert [raw(key, "id", "summary") for key in (tenant, twin)] == [
        [{"id": 1, "summary": tenant}],
        [{"id": 1, "summary": "changed"}],
    ]


def test_loading_again_changes_nothing(
    warehouse: Database,
    zone: LandingZone,
    land_files: LandFiles,
    raw: ReadRaw,
    control: psycopg.Connection,
    tenant: str,
) -> None:
    land_files(tenant, [small(1, MAY), small(1, None, summary="x"), small(2, total="x")], [small(2, MAY), b"7"])
    assert load(warehouse, zone, tenant, INVOICES) == Loaded(files=2, rows=4, quarantined_whole=1)
    before, noted, ledger = raw(tenant), notes(control, tenant), state(control, tenant)
    assert load(warehouse, zone, tenant, INVOICES) == Loaded()
    assert state(control, tenant) == ledger
    assert load(warehouse, zone, tenant, INVOICES, again=True) == Loaded(files=2, rows=4, quarantined_whole=1)
    assert (raw(tenant), notes(control, tenant)) == (before, noted)
    assert state(control, tenant)[1:] == ledger[1:]


@pytest.mark.parametrize(
    ("step", "again"),
    [
        *((step, False) for step in ("any_known", "raw_rows", "mark_loaded", "mark_changed")),
        *((step, True) for step in ("create_stage", "rounds_needed", "merge", "mark_loaded", "mark_changed")),
    ],
)
def test_a_process_killed_before_the_commit_leaves_nothing_and_the_next_load_is_complete(
    step: str, again: bool, warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw,
    control: psycopg.Connection, tenant: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    land_files(tenant, [small(1, MAY, summary="old")], [small(1, None, summary="new"), small(2, MAY), b"7"])
    if again:
        load(warehouse, zone, tenant, INVOICES)
    untouched = raw(tenant)
    before = state(control, tenant)

    def killed(*arguments: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(upsert, step, killed)
        with pytest.raises(Killed):
            load(warehouse, zone, tenant, INVOICES, again=again)
    assert raw(tenant) == untouched
    if not again:
        assert state(control, tenant) == before == [(0, None, 0, None), (1, None, 1, None)]
    # A plain load finishes an interrupted reload.
    assert load(warehouse, zone, tenant, INVOICES).files == 2
    assert [row["summary"] for row in raw(tenant, "summary")] == ["new", None]


def test_a_reload_killed_between_files_is_finished_by_any_load(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str
) -> None:
    land_files(tenant, [small(1, None, summary="old")], [small(1, None, summary="new")])
    load(warehouse, zone, tenant, INVOICES)

    def killed(rows: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        load(warehouse, zone, tenant, INVOICES, again=True, progress=killed)
    assert [row["summary"] for row in raw(tenant, "summary")] == ["old"]
    assert load(warehouse, zone, tenant, INVOICES).files == 1
    assert [row["summary"] for row in raw(tenant, "summary")] == ["new"]


def test_the_change_time_is_updated_in_the_transaction_of_the_change(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    land_files(tenant, [small(1, MAY)])
    load(warehouse, zone, tenant, INVOICES)
    (_, first), *_ = state(control, tenant)
    seen: list[Any] = []
    merge = upsert.merge

    def watched(*arguments: Any) -> str:
        seen.append(state(control, tenant)[0][1])  # as seen by others during the load
        return merge(*arguments)

    monkeypatch.setattr(upsert, "merge", watched)
    land_files(tenant, [small(1, MAY, summary="again")])
    load(warehouse, zone, tenant, INVOICES)
    (_, second), *_ = state(control, tenant)
    assert seen == [first] and second > first
    load(warehouse, zone, tenant, INVOICES)
    assert state(control, tenant)[0][1] == second


def lose_rows(path: Path) -> None:
    pq.write_table(pq.read_table(path, partitioning=None).slice(0, 1), path)


def damage(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes(60) + content[100:])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (Path.unlink, "it is not in the landing zone"),
        (lambda path: path.write_bytes(b""), r"it is damaged \(.+\)"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), r"it is damaged \(.+\)"),
        (damage, r"it is damaged \(.+\)"),
        (lose_rows, "it should have 2 rows and has 1"),
    ],
)
def test_a_file_that_is_lost_or_damaged_is_named_and_holds_up_no_other(
    warehouse: Database,
    zone: LandingZone,
    land_files: LandFiles,
    raw: ReadRaw,
    control: psycopg.Connection,
    tenant: str,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    land_files(tenant, [small(1, MAY), small(2, MAY)], [small(3, MAY)])
    ((path,), _) = control.execute(
        "select path from control.landed_files where tenant = %s order by id", (tenant,)
    ).fetchall()
    spoil(Path(zone.location) / path)
    for _ in range(2):
        loaded = load(warehouse, zone, tenant, INVOICES)
        assert [row["id"] for row in raw(tenant, "id")] == [3]
        ((file, why),) = loaded.unreadable
        assert (file.path, file.records, file.is_loaded) == (path, 2, False)
        assert re.fullmatch(reason, why), why
    assert [one.path for one in pending(control, tenant, INVOICES)] == [path]
    land_files(tenant, [small(4, MAY)])
    assert [row["id"] for row in (load(warehouse, zone, tenant, INVOICES), raw(tenant, "id"))[1]] == [3, 4]


def test_loaded_plus_quarantined_records_equal_sent_records(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(n) if n % 3 else b'{"id":null}' for n in range(10)], [b"null", b"[]"])
    loaded = load(warehouse, zone, tenant, INVOICES)
    assert (loaded.rows, loaded.quarantined_whole) == (6, 6)
    sums = control.execute(
        "select sum(records), sum(loaded_rows), sum(quarantined_whole) from control.landed_files where tenant = %s",
        (tenant,),
    ).fetchone()
    assert sums == (12, 6, 6)
    assert sum(note[2] is None for note in notes(control, tenant)) == 6


COLOUR = Field(("colour",), "colour", FieldType.NUMERIC)
NICK = Field(("customer", "nick"), "customer__nick", FieldType.TEXT)


def test_a_field_added_to_the_catalog_is_filled_from_landed_files(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, control: psycopg.Connection,
    tenant: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(loading, "RETYPE_ROWS", 2)  # notes keep their rows across batches
    land_files(
        tenant,
        [small(1, MAY, colour="1.5", customer={"id": 5, "nick": "Al"}, other=1), small(2, MAY, total="x"), b"7"],
        [small(3, MAY, colour="red"), small(4, MAY), small(5, MAY, total="x", colour="red")],
    )
    load(warehouse, zone, tenant, INVOICES)
    assert raw(tenant, "_extra")[0]["_extra"] == {"colour": "1.5", "customer": {"nick": "Al"}, "other": 1}
    old_notes = notes(control, tenant)
    newer = grown(COLOUR, NICK)
    ensure_tables(control, [newer])
    loaded = load(warehouse, zone, tenant, newer)
    assert loaded == Loaded(files=2, rows=5, quarantined_whole=1, retyped_files=2)
    rows = raw(tenant, "id", "colour", "customer__id", "customer__nick", "_extra")
    assert rows[0] == {
        "id": 1,
        "colour": Decimal("1.5"),
        "customer__id": 5,
        "customer__nick": "Al",
        "_extra": {"other": 1},
    }
    assert [row["colour"] for row in rows[1:]] == [None] * 4
    found = notes(control, tenant)
    assert [note[:3] for note in found] == [
        (1, 2, "total"), (2, None, None), (0, 3, "colour"), (2, 5, "colour"), (2, 5, "total"),
    ]  # fmt: skip
    assert set(old_notes) < set(found)
    assert load(warehouse, zone, tenant, newer) == Loaded()
    load(warehouse, zone, tenant, newer, again=True)
    assert notes(control, tenant) == found


def test_files_landed_before_and_after_the_catalogue_grew_load_in_their_order(
    warehouse: Database,
    zone: LandingZone,
    land_files: LandFiles,
    raw: ReadRaw,
    control: psycopg.Connection,
    tenant: str,
) -> None:
    newer = grown(COLOUR)
    land_files(tenant, [small(1, MAY, colour=1)])
    load(warehouse, zone, tenant, INVOICES)
    ensure_tables(control, [newer])
    land_files(tenant, [small(1, MAY, colour=2)], endpoint=newer)
    assert load(warehouse, zone, tenant, newer) == Loaded(files=2, rows=2, retyped_files=1)
    assert raw(tenant, "colour") == [{"colour": 2}]


def test_files_typed_with_an_older_catalog_are_pending_oldest_first(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(1)], [small(2), small(3)])
    with postgres.connect(warehouse) as connection:
        assert [file.records for file in pending(connection, tenant, INVOICES)] == [1, 2]
    load(warehouse, zone, tenant, INVOICES)
    with postgres.connect(warehouse) as connection:
        assert pending(connection, tenant, INVOICES) == []
        assert [file.records for file in pending(connection, tenant, grown(COLOUR))] == [1, 2]


def test_progress_reports_the_rows_of_each_file(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, tenant: str
) -> None:
    land_files(tenant, [small(1), small(2)], [b"7", small(3)])
    rows: list[int] = []
    load(warehouse, zone, tenant, INVOICES, progress=rows.append)
    assert rows == [2, 1]


def test_notes_are_valid_json_as_sent(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    sent = small(1, MAY, total="x", summary="\0")
    land_files(tenant, [sent])
    assert [json.loads(note[4]) for note in notes(control, tenant)] == [json.loads(sent)]


def test_a_direct_copy_and_a_merge_give_the_same_rows(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    """JSON, amounts, instants and unknown fields, compared in Postgres's own text form."""
    later = "2024-06-01T10:00:00.1234567Z"
    records = [
        small(1, later, total="95.00", items=[{"id": 1, "total": "1.50"}], loyalty={"tier": "gold"}),
        small(2, later, total="0.0000000000000000001", items=[], summary=""),
        small(3, later, total=None, items=None, summary="é\u2003🔧"),
        b"7",
    ]
    merged = f"{tenant}-merged"
    land_files(tenant, records)
    land_files(merged, [small(number, MAY, summary="older") for number in (1, 2, 3)], records)
    for key in (tenant, merged):
        load(warehouse, zone, key, INVOICES)
    rows = [
        control.execute(
            "select to_jsonb(r) - 'tenant' - '_landed_at', total::text, items::text "
            "from raw.accounting_invoices r where tenant = %s order by id",
            (key,),
        ).fetchall()
        for key in (tenant, merged)
    ]
    assert len(rows[0]) == 3
    assert rows[0] == rows[1]
    assert [total for _, total, _ in rows[0]] == ["95", "0.0000000000000000001", None]


def test_a_second_file_of_new_ids_is_copied_and_known_ids_are_merged(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ways: list[str] = []
    for way in ("_copy_new", "_merge"):
        real = getattr(loading, way)
        monkeypatch.setattr(loading, way, lambda *given, way=way, real=real: ways.append(way) or real(*given))
    land_files(tenant, [small(1, MAY)], [small(2, MAY)], [small(2, MAY), small(3, MAY)], [small(4, MAY), small(4, MAY)])
    load(warehouse, zone, tenant, INVOICES)
    assert ways == ["_copy_new", "_copy_new", "_merge", "_merge"]
    assert [row["id"] for row in raw(tenant, "id")] == [1, 2, 3, 4]


def test_a_load_whose_lock_another_sync_took_keeps_nothing(
    warehouse: Database,
    zone: LandingZone,
    land_files: LandFiles,
    raw: ReadRaw,
    control: psycopg.Connection,
    tenant: str,
) -> None:
    land_files(tenant, [small(1, MAY)])
    lost, held = take(control, tenant), take(control, tenant)
    with pytest.raises(LockLost):
        load(warehouse, zone, tenant, INVOICES, hold=lost)
    assert raw(tenant) == []
    assert len(pending(control, tenant, INVOICES)) == 1
    assert load(warehouse, zone, tenant, INVOICES, hold=held).rows == 1
