"""Landed files of one entity of one tenant -> its raw table. Each file and its ledger update share one transaction.

Rows go into a stage table by binary COPY and from there into raw by upsert. The newest version of a record wins. A file
that was typed with different fields or rules than the current ones is typed again from its verbatim records, so a
column added to the catalog is filled without calling the API.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection, Cursor

from st_pipeline import postgres
from st_pipeline.landing.future_versions import drop_future
from st_pipeline.landing.hold import Hold
from st_pipeline.landing.rows import LandedRows, open_rows
from st_pipeline.landing.typer import Problem, fingerprint, type_records
from st_pipeline.landing.zone import LandingZone
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.warehouse import arrow_connection, upsert
from st_pipeline.warehouse.pending_files import PendingFile, find_damage, give_up_replaced, pending
from st_pipeline.warehouse.reloading import refuse_partial_reload

COPY_ROWS = 2_048
RETYPE_ROWS = 2_000

QUARANTINE = pa.schema(
    [
        ("file_id", pa.int64()),
        ("tenant", pa.string()),
        ("entity", pa.string()),
        ("row_number", pa.int64()),
        ("record_id", pa.int64()),
        ("field", pa.string()),
        ("reason", pa.string()),
        ("record", pa.string()),
        ("noted_at", pa.timestamp("us", tz="UTC")),
    ]
)

log = logging.getLogger(__name__)

Progress = Callable[[int], None]


class Unbalanced(Exception):
    """A file's row count doesn't match what was loaded. None of it was kept."""


@dataclass(slots=True)
class Loaded:
    """What one load did. ``rows`` are those with a usable id, so they exclude records quarantined whole.

    ``unreadable`` are files that are lost or damaged, with the reason, and that no full refresh replaced yet.
    """

    files: int = 0
    rows: int = 0
    quarantined_whole: int = 0
    retyped_files: int = 0
    unreadable: tuple[tuple[PendingFile, str], ...] = ()

    def __add__(self, other: Loaded) -> Loaded:
        return Loaded(
            self.files + other.files,
            self.rows + other.rows,
            self.quarantined_whole + other.quarantined_whole,
            self.retyped_files + other.retyped_files,
            other.unreadable,  # the later load tried them again
        )


def load(
    ledger: psycopg.Connection,
    database: postgres.Database,
    zone: LandingZone,
    tenant: str,
    endpoint: Endpoint,
    *,
    again: bool = False,
    progress: Progress = lambda rows: None,
    hold: Hold | None = None,
) -> Loaded:
    """Load every pending file in the order they landed. With ``again``, load the loaded ones too.

    A file that is lost or damaged holds up no later one. Every load tries it again until a full refresh replaces it.
    ``ledger`` is an autocommit connection to ``database``. Rows go over a separate connection that supports Arrow.
    The raw table must exist (schema.ensure_tables), and the caller must hold the tenant's lock, which ``hold`` proves.

    Raises:
        LockLost: another process has taken the lock.
        ReloadRefused: with ``again``, if files have expired and no later full read replaces them.
    """
    loaded = Loaded()
    if again:
        refuse_partial_reload(ledger, tenant, endpoint.entity)
        # Mark all files up front, so that if this run is killed, the next one loads the rest.
        ledger.execute(
            "update control.landed_files set loaded_fingerprint = null "
            "where tenant = %s and entity = %s and expired_at is null",
            (tenant, endpoint.entity),
        )
    files = pending(ledger, tenant, endpoint)
    if not files:
        return loaded
    unreadable: list[tuple[PendingFile, str]] = []
    with arrow_connection.connect(database) as connection:
        for file in files:
            try:
                rows, whole = _load_file(connection, zone, tenant, endpoint, file, hold)
            except Exception:
                # Inside a COPY, a file that cannot be read looks like an error of the database.
                damage = find_damage(zone, file)
                if damage is None:
                    raise
                connection.rollback()
                unreadable.append((file, damage))
                continue
            loaded.files += 1
            loaded.rows += rows
            loaded.quarantined_whole += whole
            loaded.retyped_files += file.fingerprint != fingerprint(endpoint)
            progress(rows)
    if unreadable:
        replaced = give_up_replaced(ledger, tenant, endpoint.entity, [file.id for file, _ in unreadable])
        loaded.unreadable = tuple((file, reason) for file, reason in unreadable if file.id not in replaced)
    return loaded


def _load_file(
    connection: Connection, zone: LandingZone, tenant: str, endpoint: Endpoint, file: PendingFile, hold: Hold | None
) -> tuple[int, int]:
    """(rows loaded, rows quarantined whole) for one file, committed together with its ledger update."""
    notes: list[Problem] = []
    retype = file.fingerprint != fingerprint(endpoint)
    # In a file of its own, count all rows: there may be neither too few nor too many.
    count = file.records if file.is_compacted else None
    with open_rows(zone, file.path, file.first_row, count) as landed, connection.cursor() as cursor:
        batches = _retyped(landed, endpoint, notes) if retype else _as_landed(landed, endpoint)
        merge = _copy_new if _is_new(cursor, landed, endpoint, tenant) and not retype else _merge
        rows, usable = merge(cursor, endpoint, tenant, batches)
        if rows != file.records:
            raise Unbalanced(f"{file.path} should have {file.records} rows and has {rows}")
        if retype:
            _renew_notes(cursor, tenant, endpoint, file, notes)
        cursor.execute(upsert.mark_loaded(), (file.id, usable, rows - usable, fingerprint(endpoint)))
        cursor.execute(upsert.mark_changed(), (tenant, endpoint.entity))
        arrow_connection.check(cursor, hold)
    connection.commit()
    return usable, rows - usable


def _is_new(cursor: Cursor, landed: LandedRows, endpoint: Endpoint, tenant: str) -> bool:
    """Whether each id is unique in the file and none is in raw: a first load, or new records only."""
    ids = landed.column("id").drop_null()
    if len(ids.unique()) < len(ids):
        return False
    cursor.execute(f"create temporary table {upsert.IDS} (id bigint)")
    cursor.adbc_ingest(upsert.IDS, pa.table({"id": ids}), mode="append", temporary=True)
    cursor.execute(upsert.any_known(endpoint), (tenant,))
    (known,) = cursor.fetchone() or (True,)
    cursor.execute(f"drop table {upsert.IDS}")
    return not known


def _copy_new(cursor: Cursor, endpoint: Endpoint, tenant: str, batches: Iterable[pa.RecordBatch]) -> tuple[int, int]:
    """(rows, rows with an id) copied directly into raw. Nothing there can be newer."""
    counted = _Counted(batches)
    reader = upsert.raw_rows(endpoint, tenant, counted)
    cursor.adbc_ingest(endpoint.entity, reader, mode="append", db_schema_name="raw")
    return counted.rows, counted.usable


def _merge(cursor: Cursor, endpoint: Endpoint, tenant: str, batches: Iterable[pa.RecordBatch]) -> tuple[int, int]:
    """(rows, rows with an id) copied into a stage table and merged into raw. The newest version wins."""
    cursor.execute(upsert.create_stage(endpoint))
    reader = pa.RecordBatchReader.from_batches(upsert.stage_schema(endpoint), upsert.numbered(endpoint, batches))
    cursor.adbc_ingest(upsert.STAGE, reader, mode="append", temporary=True)
    cursor.execute(f"select count(*), count(id) from {upsert.STAGE}")
    rows, usable = cursor.fetchone() or (0, 0)
    cursor.execute(upsert.rounds_needed())
    (rounds,) = cursor.fetchone() or (1,)
    for round_ in range(1, rounds + 1) if rounds > 1 else [None]:
        cursor.execute(upsert.merge(endpoint, round_), (tenant,))
    cursor.execute(f"drop table {upsert.STAGE}")
    return rows, usable


class _Counted:
    """Counts the rows of batches as they pass through."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows = self.usable = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            self.usable += batch.num_rows - batch.column("id").null_count
            yield batch


def _as_landed(landed: LandedRows, endpoint: Endpoint) -> Iterator[pa.RecordBatch]:
    for batch in landed.batches(upsert.stage_schema(endpoint).names[:-1], COPY_ROWS):
        yield _without_future(batch)


def _retyped(landed: LandedRows, endpoint: Endpoint, notes: list[Problem]) -> Iterator[pa.RecordBatch]:
    """The rows, typed again from ``_record``. Quarantine notes go into ``notes``."""
    first = 0
    for batch in landed.batches(["_record", "_landed_at"], RETYPE_ROWS):
        records = [str(text).encode() for text in batch.column("_record").to_pylist()]
        typed = type_records(endpoint, records)
        notes += [note.moved(first) for note in typed.notes]
        first += batch.num_rows
        yield _without_future(typed.rows.append_column("_landed_at", batch.column("_landed_at")))


def _without_future(rows: pa.RecordBatch) -> pa.RecordBatch:
    versions = drop_future(rows.column("_version"), rows.column("_landed_at"))
    return rows.set_column(rows.schema.get_field_index("_version"), "_version", versions)


def _renew_notes(cursor: Cursor, tenant: str, endpoint: Endpoint, file: PendingFile, notes: list[Problem]) -> None:
    cursor.execute("delete from control.quarantine where file_id = $1", (file.id,))
    if not notes:
        return
    now = datetime.now(UTC)
    rows = [
        {
            "file_id": file.id,
            "tenant": tenant,
            "entity": endpoint.entity,
            "row_number": note.row,
            "record_id": note.record_id,
            "field": note.field,
            "reason": note.reason,
            "record": note.record,
            "noted_at": now,
        }
        for note in notes
    ]
    cursor.adbc_ingest("quarantine", pa.Table.from_pylist(rows, QUARANTINE), mode="append", db_schema_name="control")
