"""An open file: its columns, its row groups, and its notes and counts for the ledger."""

from __future__ import annotations

import pyarrow as pa

from st_pipeline.landing import open_file
from st_pipeline.landing.open_file import OpenFile, landed_schema
from st_pipeline.landing.typer import table_schema, type_records
from st_pipeline.landing.zone import LandingZone

from .invoices import INVOICES, small
from .sources import BEGAN


def opened(zone: LandingZone) -> OpenFile:
    schema = landed_schema(INVOICES)
    return OpenFile(zone.writer("e/f.parquet", schema), "e/f.parquet", schema, "acme", "b", BEGAN, None)


def test_a_landed_file_has_the_typed_columns_and_where_each_row_came_from() -> None:
    typed, landed = table_schema(INVOICES), landed_schema(INVOICES)
    assert landed.names == [*typed.names, "_tenant", "_landed_at", "_batch"]
    assert landed.field("_landed_at").type == pa.timestamp("us", tz="UTC")


def test_notes_have_row_numbers_in_the_file_not_in_the_page(zone: LandingZone) -> None:
    file = opened(zone)
    for page in ([small(1), small(2, total="x")], [b"7"], [small(4, colour="red")]):
        file.add(type_records(INVOICES, page), sum(map(len, page)))
    assert [(note.row, note.record_id, note.field) for note in file.notes] == [(1, 2, "total"), (2, None, None)]
    assert file.notes_size == len(small(2, total="x")) + len("7")
    assert (file.records, file.quarantined_whole, file.pages, file.unknown) == (4, 1, 3, {"colour"})


def test_rows_wait_for_a_row_group_and_then_are_written(zone: LandingZone, monkeypatch) -> None:
    monkeypatch.setattr(open_file, "ROW_GROUP_BYTES", 100)
    file = opened(zone)
    waiting = []
    for number in range(4):
        file.add(type_records(INVOICES, [small(number)]), 50)
        waiting.append(len(file.waiting))
    assert waiting == [1, 0, 1, 0]
    file.flush()
    file.writer.close()
    with zone.reader("e/f.parquet") as parquet:
        assert parquet.num_row_groups == 2
        rows = parquet.read().to_pylist()
    assert [row["id"] for row in rows] == [0, 1, 2, 3]
    assert {(row["_tenant"], row["_batch"], row["_landed_at"]) for row in rows} == {("acme", "b", BEGAN)}
