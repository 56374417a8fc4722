"""A range within a file reads like a file that contains only those rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.landing.rows import open_rows
from st_pipeline.landing.zone import LandingZone

PATH = "e/tenant=t/landed=2026-03-01/f.parquet"
SCHEMA = pa.schema([("id", pa.int64()), ("_record", pa.string())])


@contextmanager
def written(groups: list[int]) -> Iterator[LandingZone]:
    """A file with row groups of the given sizes, with numbered rows."""
    with tempfile.TemporaryDirectory() as folder:
        zone = LandingZone(folder)
        writer = zone.writer(PATH, SCHEMA)
        first = 0
        for rows in groups:
            ids = list(range(first, first + rows))
            writer.write(pa.table({"id": ids, "_record": list(map(str, ids))}, SCHEMA))
            first += rows
        writer.close()
        yield zone


@given(st.data(), st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 12))
def test_a_range_is_exactly_its_rows_whatever_the_row_groups_and_batches(
    data: st.DataObject, groups: list[int], batch_size: int
) -> None:
    total = sum(groups)
    first = data.draw(st.integers(0, total))
    count = data.draw(st.integers(0, total - first))
    with written(groups) as zone, open_rows(zone, PATH, first, count) as rows:
        batches = list(rows.batches(["_record", "id"], batch_size))
        assert [i for batch in batches for i in batch.column("id").to_pylist()] == list(range(first, first + count))
        assert all(batch.num_rows <= batch_size for batch in batches)
        assert rows.column("_record").to_pylist() == [str(i) for i in range(first, first + count)]


def test_without_a_range_the_whole_file_is_read() -> None:
    with written([2, 3]) as zone, open_rows(zone, PATH) as rows:
        assert rows.column("id").to_pylist() == [0, 1, 2, 3, 4]


def test_only_row_groups_in_the_range_are_read() -> None:
    with written([4, 4, 4]) as zone, open_rows(zone, PATH, 5, 2) as rows:
        (batch,) = rows.batches(["id"], 100)
        assert batch.num_rows == 2
        assert rows._groups(7) == ([1], 4)
