"""The rows of one landed file, stored either in its own file or as a range within a combined file.

The ledger has the location. compaction.py combines files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from st_pipeline.landing.zone import LandingZone

BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class LandedRows:
    """An open file and the range of rows to read. ``count`` None means all of it."""

    parquet: pq.ParquetFile
    first: int = 0
    count: int | None = None

    def batches(self, columns: Sequence[str], batch_size: int) -> Iterator[pa.RecordBatch]:
        """The given columns of the rows, in order. Only row groups that overlap the range are read."""
        end = self.parquet.metadata.num_rows if self.count is None else self.first + self.count
        groups, position = self._groups(end)
        if not groups:
            return
        for batch in self.parquet.iter_batches(batch_size=batch_size, row_groups=groups, columns=list(columns)):
            begin, stop = max(self.first - position, 0), min(end - position, batch.num_rows)
            position += batch.num_rows
            if begin < stop:
                yield batch.slice(begin, stop - begin)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of the rows."""
        type_ = self.parquet.schema_arrow.field(name).type
        return pa.chunked_array([batch.column(name) for batch in self.batches([name], BATCH_ROWS)], type_)

    def _groups(self, end: int) -> tuple[list[int], int]:
        """The row groups that overlap the range, and the number of the first row in them."""
        groups: list[int] = []
        position = start = 0
        for group in range(self.parquet.metadata.num_row_groups):
            rows = self.parquet.metadata.row_group(group).num_rows
            if position < end and position + rows > self.first:
                start = start if groups else position
                groups.append(group)
            position += rows
        return groups, start


@contextmanager
def open_rows(zone: LandingZone, path: str, first: int = 0, count: int | None = None) -> Iterator[LandedRows]:
    """The ``count`` rows starting at ``first`` of the file at ``path``, or all rows from there if None."""
    with zone.reader(path) as parquet:
        yield LandedRows(parquet, first, count)
