"""The ledger: which landed files exist, how far each tenant's entities have been read, and what was quarantined.

A file that isn't in the ledger doesn't count. A file and the cursor after it are recorded in one transaction. Loading
updates its own columns of the table (warehouse/loading.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import kwargs_row

from st_pipeline.landing.hold import Hold
from st_pipeline.landing.typer import Problem

LONGEST_FIELD = 500  # length of a name in drift, which is indexed: the server can send field names of any length


@dataclass(frozen=True, slots=True)
class Batch:
    """One pass over an entity of a tenant: from ``cursor`` on, or over everything with ``is_full``."""

    tenant: str
    entity: str
    batch: str
    files: int
    seen: frozenset[str]
    is_full: bool
    is_complete: bool
    full_batch: str | None
    cursor: str | None


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file about to be recorded. ``cursor_to`` is where the next call starts once the file exists."""

    tenant: str
    entity: str
    batch: str
    n: int
    path: str
    records: int
    quarantined_whole: int
    pages: int
    bytes: int
    cursor_from: str | None
    cursor_to: str | None
    fingerprint: str
    landed_at: datetime


class Ledger:
    """Reads and writes the ledger on one autocommit connection. Every method is its own transaction."""

    def __init__(self, connection: psycopg.Connection, hold: Hold | None = None) -> None:
        """With ``hold``, a transaction commits only while the hold lasts, or raises LockLost."""
        self._connection, self._hold = connection, hold

    @contextmanager
    def together(self) -> Iterator[None]:
        """Record everything inside in one transaction: all or nothing."""
        with self._connection.transaction():
            yield
            if self._hold:
                self._hold.check(self._connection)

    def begin(self, tenant: str, entity: str, now: datetime, *, full: bool) -> Batch:
        """Return the unfinished batch, or start a new one from the cursor (from the beginning if ``full``).

        Any sync continues an unfinished full batch, because it covers everything an incremental one would.
        """
        with self.together():
            old = self.current(tenant, entity)
            if old and not old.is_complete and (old.is_full or not full):
                return old
            is_full = full or old is None
            new = Batch(
                tenant=tenant,
                entity=entity,
                batch=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
                files=0,
                seen=frozenset(),
                is_full=is_full,
                is_complete=False,
                full_batch=old.full_batch if old else None,
                cursor=None if is_full or old is None else old.cursor,
            )
            self._connection.execute(
                """
                insert into control.cursors (tenant, entity, batch, is_full, cursor, started_at)
                values (%s, %s, %s, %s, %s, %s)
                on conflict (tenant, entity) do update set
                    batch = excluded.batch, is_full = excluded.is_full, cursor = excluded.cursor, files = 0,
                    seen = '{}', is_complete = false, completed_at = null, started_at = excluded.started_at
                """,
                (tenant, entity, new.batch, new.is_full, new.cursor, now),
            )
            return new

    def current(self, tenant: str, entity: str) -> Batch | None:
        """The current batch, or None if the entity was never started."""
        with self._connection.cursor(row_factory=kwargs_row(_batch)) as cursor:
            return cursor.execute(
                """
                select tenant, entity, batch, files, seen, is_full, is_complete, full_batch, cursor
                from control.cursors where tenant = %s and entity = %s
                """,
                (tenant, entity),
            ).fetchone()

    def record_file(
        self, file: LandedFile, notes: Iterable[Problem], new_fields: Iterable[str], seen: Iterable[str] = ()
    ) -> None:
        """Record a file, the cursor after it, and the fields ``seen`` in the batch so far."""
        with self.together():
            row = self._connection.execute(
                """
                insert into control.landed_files (tenant, entity, batch, n, path, records, quarantined_whole, pages,
                    bytes, cursor_from, cursor_to, fingerprint, landed_at)
                values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id
                """,
                (
                    file.tenant, file.entity, file.batch, file.n, file.path, file.records, file.quarantined_whole,
                    file.pages, file.bytes, file.cursor_from, file.cursor_to, file.fingerprint, file.landed_at,
                ),
            ).fetchone()  # fmt: skip
            assert row
            write_notes(self._connection, file.tenant, file.entity, row[0], notes, file.landed_at)
            self.record_drift(file.tenant, file.entity, "new", new_fields, file.landed_at)
            self._connection.execute(
                """
                update control.cursors set cursor = %s, files = %s, seen = %s
                where tenant = %s and entity = %s and batch = %s
                """,
                (file.cursor_to, file.n + 1, sorted(seen), file.tenant, file.entity, file.batch),
            )

    def complete(self, batch: Batch, cursor: str | None, now: datetime) -> None:
        """Mark the batch as complete, because the API has no more. The next batch starts at ``cursor``."""
        with self.together():
            self._connection.execute(
                """
                update control.cursors c
                set cursor = %s, is_complete = true, completed_at = %s,
                    full_batch = case
                        -- In the very first batch, nothing can be missing.
                        when is_full and exists (
                            select from control.landed_files f
                            where f.tenant = c.tenant and f.entity = c.entity and f.batch <> c.batch
                        ) then batch
                        else full_batch
                    end
                where tenant = %s and entity = %s and batch = %s
                """,
                (cursor, now, batch.tenant, batch.entity, batch.batch),
            )

    def move_cursor(self, batch: Batch, cursor: str | None) -> None:
        """Continue ``batch`` at ``cursor``: after pages without records, or at None if the API rejects the old one."""
        with self.together():
            self._connection.execute(
                "update control.cursors set cursor = %s where tenant = %s and entity = %s and batch = %s",
                (cursor, batch.tenant, batch.entity, batch.batch),
            )

    def installation(self) -> str:
        """The id of this installation, which is its warehouse's."""
        self._connection.execute("insert into control.installation default values on conflict do nothing")
        row = self._connection.execute("select id::text from control.installation").fetchone()
        assert row
        return row[0]

    def is_empty(self) -> bool:
        """Whether no file was ever recorded."""
        row = self._connection.execute("select not exists (select from control.landed_files)").fetchone()
        return bool(row and row[0])

    def all_paths(self) -> set[str]:
        """All files with landed records, of every tenant."""
        rows = self._connection.execute("select distinct path from control.landed_files where expired_at is null")
        return {path for (path,) in rows}

    def paths(self, tenant: str, entity: str) -> set[str]:
        """All files with landed records for an entity of a tenant."""
        rows = self._connection.execute(
            "select distinct path from control.landed_files where tenant = %s and entity = %s and expired_at is null",
            (tenant, entity),
        )
        return {path for (path,) in rows}

    def record_drift(self, tenant: str, entity: str, kind: str, fields: Iterable[str], now: datetime) -> None:
        """Record fields that appeared (``new``) or disappeared (``missing``), with first and last time seen."""
        with self.together(), self._connection.cursor() as cursor:
            cursor.executemany(
                """
                insert into control.drift (tenant, entity, field, kind, first_seen_at, last_seen_at)
                values (%s, %s, %s, %s, %s, %s)
                on conflict (tenant, entity, field, kind) do update set last_seen_at = excluded.last_seen_at
                """,
                [(tenant, entity, field, kind, now, now) for field in sorted({f[:LONGEST_FIELD] for f in fields})],
            )

    def settle_drift(self, tenant: str, entity: str, seen: Iterable[str], known: Iterable[str] = ()) -> None:
        """Clear drift for missing fields that came back (``seen``) and new ones now in the catalog (``known``)."""
        with self.together():
            self._connection.execute(
                """
                delete from control.drift
                where tenant = %s and entity = %s
                  and (kind = 'missing' and field = any(%s) or kind = 'new' and field = any(%s))
                """,
                (tenant, entity, sorted(seen), sorted(known)),
            )


def _batch(*, seen: list[str], **columns: Any) -> Batch:
    return Batch(seen=frozenset(seen), **columns)


def write_notes(
    connection: psycopg.Connection, tenant: str, entity: str, file_id: int, notes: Iterable[Problem], now: datetime
) -> None:
    """Write a file's ``notes`` to quarantine, as part of the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into control.quarantine
                (file_id, tenant, entity, row_number, record_id, field, reason, record, noted_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (file_id, tenant, entity, note.row, note.record_id, note.field, note.reason, note.record, now)
                for note in notes
            ],
        )
