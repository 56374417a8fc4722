"""A landed file being written: rows waiting for a row group, plus notes and counts for the ledger.

land.py decides when a file starts and ends. zone.py writes it to disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from st_pipeline.landing.typer import Problem, Typed, table_schema
from st_pipeline.landing.zone import FileWriter
from st_pipeline.servicetitan.catalogue.model import Endpoint

ROW_GROUP_BYTES = 3 * 1024 * 1024  # of JSON: what waits in memory


def landed_schema(endpoint: Endpoint) -> pa.Schema:
    """The columns of a landed file: the typed ones, plus each row's origin."""
    return pa.schema(
        [
            *table_schema(endpoint),
            pa.field("_tenant", pa.string()),
            pa.field("_landed_at", pa.timestamp("us", tz="UTC")),
            pa.field("_batch", pa.string()),
        ]
    )


@dataclass(slots=True)
class OpenFile:
    """Rows being written to one file, and what the ledger will record for it."""

    writer: FileWriter
    path: str
    schema: pa.Schema
    tenant: str
    batch: str
    landed_at: datetime
    cursor_from: str | None
    size: int = 0
    records: int = 0
    quarantined_whole: int = 0
    pages: int = 0
    notes: list[Problem] = field(default_factory=list)
    notes_size: int = 0
    unknown: set[str] = field(default_factory=set)
    waiting: list[pa.RecordBatch] = field(default_factory=list)
    waiting_bytes: int = 0

    def add(self, typed: Typed, size: int) -> None:
        """Take the rows of a page that was ``size`` bytes of JSON."""
        self.notes += [note.moved(self.records) for note in typed.notes]
        self.notes_size += sum(len(note.record) for note in typed.notes)
        self.unknown |= typed.unknown
        self.records += typed.rows.num_rows
        self.quarantined_whole += typed.quarantined_whole
        self.pages += 1
        self.size += size
        self.waiting.append(typed.rows)
        self.waiting_bytes += size
        if self.waiting_bytes >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the waiting rows as one row group."""
        if not self.waiting:
            return
        table = pa.Table.from_batches(self.waiting)
        rows = table.num_rows
        for name, value in (("_tenant", self.tenant), ("_landed_at", self.landed_at), ("_batch", self.batch)):
            column = self.schema.field(name)
            table = table.append_column(column, pa.repeat(pa.scalar(value, column.type), rows))
        self.writer.write(table)
        self.waiting, self.waiting_bytes = [], 0
