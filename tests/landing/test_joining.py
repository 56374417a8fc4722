"""landing/joining.py: files joined into one with all their rows, in order and unchanged, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from st_pipeline.landing.joining import BATCH_ROWS, ROW_GROUP_BYTES, FileDamaged, StoredFile, join, json_bytes
from st_pipeline.landing.zone import LandingZone

SCHEMA = pa.schema([("id", pa.int64()), ("total", pa.decimal128(38, 18)), ("_record", pa.string())])
AT = datetime(2026, 3, 1, tzinfo=UTC)
Stored = Callable[[str, list[str]], StoredFile]


@pytest.fixture
def stored(zone: LandingZone) -> Stored:
    """Writes a file of these records, one row group each three."""

    def write(path: str, records: list[str], schema: pa.Schema = SCHEMA) -> StoredFile:
        writer = zone.writer(path, schema)
        for start in range(0, len(records), 3):
            part = records[start : start + 3]
            columns = {"id": list(range(start, start + len(part))), "total": [None] * len(part), "_record": part}
            writer.write(pa.table({name: columns[name] for name in schema.names}, schema=schema))
        writer.close()
        return StoredFile(path, "print", "2026-03", AT, 1, len(records))

    return write


def rows(zone: LandingZone, path: str) -> list[dict[str, object]]:
    return zone.reader(path).read().to_pylist()


def left(zone: LandingZone) -> set[str]:
    root = Path(zone.location)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=8), min_size=1, max_size=4))
@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_joined_file_has_every_row_in_the_order_of_the_files(
    zone: LandingZone, stored: Stored, contents: list[list[str]]
) -> None:
    files = [stored(f"in/{number}.parquet", records) for number, records in enumerate(contents)]
    before = [row for file in files for row in rows(zone, file.path)]
    join(zone, "out.parquet", files)
    assert rows(zone, "out.parquet") == before
    assert [row["_record"] for row in before] == [record for records in contents for record in records]
    with zone.reader("out.parquet") as parquet:
        assert parquet.schema_arrow.equals(SCHEMA)


def test_small_row_groups_become_few_that_are_worth_reading(zone: LandingZone, stored: Stored) -> None:
    large = "x" * 1000
    number = 3 * ROW_GROUP_BYTES // len(large)
    files = [stored("a.parquet", [large] * number), stored("b.parquet", ["y"])]
    join(zone, "out.parquet", files)
    with zone.reader("a.parquet") as before, zone.reader("out.parquet") as after:
        assert before.metadata.num_row_groups == -(-number // 3)
        assert after.metadata.num_row_groups <= 4
        smallest = min(after.metadata.row_group(i).num_rows for i in range(after.metadata.num_row_groups - 1))
    assert smallest * len(large) >= ROW_GROUP_BYTES
    assert smallest <= BATCH_ROWS


def test_the_files_themselves_stay_as_they_were(zone: LandingZone, stored: Stored) -> None:
    files = [stored("a.parquet", ["1"]), stored("b.parquet", ["2"])]
    join(zone, "out.parquet", files)
    assert left(zone) == {"a.parquet", "b.parquet", "out.parquet"}
    assert [row["_record"] for row in rows(zone, "b.parquet")] == ["2"]


def test_a_file_with_other_columns_is_not_joined_and_nothing_is_left(zone: LandingZone, stored: Stored) -> None:
    first = stored("a.parquet", ["1"])
    other = pa.schema([("id", pa.int64()), ("_record", pa.string())])
    second = stored("b.parquet", ["2"], other)  # pyright: ignore[reportCallIssue]
    with pytest.raises(FileDamaged, match=r"b\.parquet has different columns"):
        join(zone, "out.parquet", [first, second])
    assert left(zone) == {"a.parquet", "b.parquet"}


@pytest.mark.parametrize("cut", [0.5, 0.99, 0])
def test_a_file_that_was_cut_off_is_not_joined_and_nothing_is_left(
    zone: LandingZone, stored: Stored, cut: float
) -> None:
    files = [stored("a.parquet", ["1"]), stored("b.parquet", ["2"] * 10)]
    damaged = Path(zone.location) / "b.parquet"
    content = damaged.read_bytes()
    damaged.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises((pa.ArrowInvalid, OSError)):
        join(zone, "out.parquet", files)
    assert left(zone) == {"a.parquet", "b.parquet"}


def test_a_file_that_is_gone_is_an_error_and_nothing_is_left(zone: LandingZone, stored: Stored) -> None:
    files = [stored("a.parquet", ["1"]), stored("b.parquet", ["2"])]
    (Path(zone.location) / "b.parquet").unlink()
    with pytest.raises(OSError, match=r"b\.parquet"):
        join(zone, "out.parquet", files)
    assert left(zone) == {"a.parquet"}


def test_another_number_of_rows_than_the_ledger_says_is_told_with_both(zone: LandingZone, stored: Stored) -> None:
    file = stored("a.parquet", ["1", "2"])
    wrong = StoredFile(file.path, file.fingerprint, file.month, file.landed_at, 1, 3)
    with pytest.raises(FileDamaged, match=r"a\.parquet has 2 rows but should have 3"):
        json_bytes(zone, wrong)
    with pytest.raises(FileDamaged, match="was written with 2 rows instead of 3, so nothing was changed"):
        join(zone, "out.parquet", [wrong])


def test_the_size_of_a_file_is_that_of_its_json_uncompressed(zone: LandingZone, stored: Stored) -> None:
    small, large = stored("a.parquet", ["x" * 10]), stored("b.parquet", [str(n) * 2000 for n in range(9)])
    assert 10 <= json_bytes(zone, small) < 200
    assert 9 * 2000 <= json_bytes(zone, large) < 9 * 2000 + 1000
