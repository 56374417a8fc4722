"""Combine landed files into one with all their rows, in order and unchanged. compaction.py decides which and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from st_pipeline.landing.zone import LandingZone

ROW_GROUP_BYTES = 1024 * 1024  # of JSON: the least that loading one ledger row reads
BATCH_ROWS = 2_000


class FileDamaged(Exception):
    """A landed file doesn't match the ledger. Nothing was changed, and the message names the file."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the landing zone, with one or more ledger rows, all of them loaded."""

    path: str
    fingerprint: str
    month: str
    """The month its records landed in, such as ``2026-03``."""
    landed_at: datetime
    """When the first of its rows landed."""
    rows: int
    """Number of ledger rows."""
    records: int


def json_bytes(zone: LandingZone, file: StoredFile) -> int:
    """Bytes of JSON in a file.

    Raises:
        FileDamaged: its row count doesn't match the ledger.
    """
    with zone.reader(file.path) as parquet:
        data = parquet.metadata
        if data.num_rows != file.records:
            raise FileDamaged(f"{file.path} has {data.num_rows} rows but should have {file.records}")
        column = parquet.schema_arrow.get_field_index("_record")
        return sum(data.row_group(i).column(column).total_uncompressed_size for i in range(data.num_row_groups))


def join(zone: LandingZone, path: str, files: Sequence[StoredFile]) -> None:
    """Write the rows of ``files``, in order, to ``path``. On an error, nothing is left there.

    Raises:
        FileDamaged: a file doesn't have the expected rows or columns.
    """
    with zone.reader(files[0].path) as parquet:
        schema = parquet.schema_arrow
    writer = zone.writer(path, schema)
    try:
        for table in _row_groups(_rows(zone, files, schema), schema):
            writer.write(table)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    with zone.reader(path) as parquet:
        written, wanted = parquet.metadata.num_rows, sum(file.records for file in files)
    if written != wanted:
        raise FileDamaged(f"{path} was written with {written} rows instead of {wanted}, so nothing was changed")


def _rows(zone: LandingZone, files: Iterable[StoredFile], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for file in files:
        with zone.reader(file.path) as parquet:
            if not parquet.schema_arrow.equals(schema):
                raise FileDamaged(f"{file.path} has different columns than other files of the same type")
            yield from parquet.iter_batches(batch_size=BATCH_ROWS)


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.column("_record").nbytes
        if size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(waiting, schema)
            waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)
