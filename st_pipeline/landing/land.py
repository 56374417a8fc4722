"""Land one entity of one tenant: pages -> files, each recorded with the cursor that follows it.

The whole export is never in memory: each page is typed, and row groups go to disk. Where a file ends depends only on
the data, so a run that is killed and restarted creates the same files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from st_pipeline.landing.future_versions import newest_plausible
from st_pipeline.landing.ledger import Batch, LandedFile, Ledger
from st_pipeline.landing.list_cursor import list_cursor
from st_pipeline.landing.open_file import OpenFile, landed_schema
from st_pipeline.landing.ownership import claim
from st_pipeline.landing.prefetch import prefetch_one
from st_pipeline.landing.seen_fields import Presence
from st_pipeline.landing.typer import fingerprint, type_records
from st_pipeline.landing.zone import LandingZone, file_path
from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.errors import CursorRefused
from st_pipeline.servicetitan.pages import Page

FILE_BYTES = 128 * 1024 * 1024  # of JSON; tens of megabytes of Parquet
FIRST_FILE_SHARE = 8
NOTES_BYTES = 16 * 1024 * 1024  # of records waiting to go to quarantine when their file is recorded

log = logging.getLogger(__name__)

Progress = Callable[[int], None]
"""Called with the number of records in each page after it is typed."""


class PageSource(Protocol):
    """What landing needs from a client: an endpoint's pages, starting at a cursor."""

    def pages(self, endpoint: Endpoint, cursor: str | None = None) -> Iterator[Page]: ...


class Incomplete(Exception):
    """A list returned fewer records than its total. The next sync reads it again from the same cursor."""


@dataclass(slots=True)
class Landed:
    """The result of landing one entity."""

    batch: str
    is_full: bool
    records: int = 0
    quarantined_whole: int = 0
    notes: int = 0
    pages: int = 0
    files: int = 0
    bytes: int = 0
    total_count: int | None = None
    cursor: str | None = None
    new_fields: set[str] = field(default_factory=set)
    missing_fields: set[str] = field(default_factory=set)


def land(
    source: PageSource,
    zone: LandingZone,
    ledger: Ledger,
    tenant: str,
    endpoint: Endpoint,
    *,
    full: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda records: None,
    recorded: Callable[[], None] = lambda: None,
    file_bytes: int = FILE_BYTES,
) -> Landed:
    """Land what is new in ``endpoint`` for ``tenant``, or everything with ``full``, until the API has no more.

    The caller must hold the tenant's lock. Whatever was fetched before an error is recorded before the error is raised.
    ``recorded`` is called each time a file is added to the ledger, so that it can be loaded.

    Raises:
        servicetitan.errors.ServiceTitanError: an API failure. Its subclass tells what to do.
        Incomplete: a list returned fewer records than it reported.
        ZoneNotOurs: the landing zone belongs to another installation.
    """
    claim(zone, ledger)
    batch = ledger.begin(tenant, endpoint.entity, clock(), full=full)
    swept = zone.sweep(endpoint.entity, tenant, ledger.paths(tenant, endpoint.entity))
    if swept:
        log.info("%s %s: removed %d files left by a crash", tenant, endpoint.entity, len(swept))
    try:
        return _Landing(source, zone, ledger, batch, endpoint, clock, progress, recorded, file_bytes).run()
    except CursorRefused:
        log.warning("%s %s: the API rejected the stored cursor; reading from the beginning", tenant, endpoint.entity)
        ledger.move_cursor(batch, None)
        batch = ledger.begin(tenant, endpoint.entity, clock(), full=full)
        return _Landing(source, zone, ledger, batch, endpoint, clock, progress, recorded, file_bytes).run()


def file_limit(n: int, largest: int) -> int:
    """Bytes of JSON after which file ``n`` of a batch ends. Each limit is twice the one before, up to ``largest``.

    The first files are small, so that loading can start while the rest is fetched.
    """
    return min(largest, largest // FIRST_FILE_SHARE << n)


class _Landing:
    def __init__(
        self,
        source: PageSource,
        zone: LandingZone,
        ledger: Ledger,
        batch: Batch,
        endpoint: Endpoint,
        clock: Callable[[], datetime],
        progress: Progress,
        recorded: Callable[[], None],
        file_bytes: int,
    ) -> None:
        self._source, self._zone, self._ledger, self._endpoint = source, zone, ledger, endpoint
        self._batch, self._clock, self._progress, self._file_bytes = batch, clock, progress, file_bytes
        self._recorded = recorded
        self._landed = Landed(batch.batch, batch.is_full, cursor=batch.cursor)
        self._next_n = batch.files
        self._presence = Presence(endpoint, batch.seen)
        self._newest: int | None = None
        self._file: OpenFile | None = None

    def run(self) -> Landed:
        try:
            for page in self._pages():
                self._add(page)
            self._end()
        except BaseException:
            # The file may be damaged or incomplete. What isn't recorded is fetched again.
            if self._file is not None:
                self._file.writer.abandon()
            raise
        return self._landed

    def _pages(self) -> Iterator[Page]:
        """Yield the pages. On an API error, record what arrived before it, then raise it."""
        try:
            yield from prefetch_one(self._source.pages(self._endpoint, self._batch.cursor))
        except Exception:
            self._finish_file()
            raise

    def _end(self) -> None:
        landed, batch, endpoint = self._landed, self._batch, self._endpoint
        if landed.total_count is not None and landed.records < landed.total_count:
            self._finish_file()
            raise Incomplete(
                f"{batch.tenant} {endpoint.entity}: the list returned {landed.records} of the "
                f"{landed.total_count} records it reports; it is read again in the next sync"
            )
        now, where = self._clock(), (batch.tenant, endpoint.entity)
        # One transaction: after a crash between the last file and this, the list would be landed twice.
        with self._ledger.together():
            self._finish_file()
            if endpoint.kind is Kind.LIST:
                can_continue = endpoint.cursor_parameter and endpoint.cursor_field
                landed.cursor = list_cursor(self._newest, batch.cursor, now) if can_continue else None
            if landed.records or batch.files:
                landed.missing_fields = self._presence.missing
                known = {".".join(field.path) for field in endpoint.fields}
                self._ledger.settle_drift(*where, self._presence.seen, known)
                self._ledger.record_drift(*where, "missing", landed.missing_fields, now)
            self._ledger.complete(batch, landed.cursor, now)

    def _add(self, page: Page) -> None:
        landed = self._landed
        typed = type_records(self._endpoint, page.records)
        if page.records:
            if self._file is None:
                self._file = self._open_file()
            self._file.add(typed, page.size)
            self._presence.collect(typed.rows)
            newest = newest_plausible(typed.rows.column("_version"), self._clock())
            self._newest = max(filter(None, (self._newest, newest)), default=None)
        landed.pages += 1
        landed.records += len(page.records)
        if page.total_count is not None:
            landed.total_count = page.total_count
        if self._endpoint.kind is Kind.EXPORT:
            landed.cursor = page.continue_from or landed.cursor
        self._progress(len(page.records))
        file = self._file
        if file and (file.size >= file_limit(self._next_n, self._file_bytes) or file.notes_size >= NOTES_BYTES):
            self._finish_file()
            self._recorded()

    def _open_file(self) -> OpenFile:
        landed_at = self._clock()
        path = file_path(self._endpoint.entity, self._batch.tenant, landed_at, self._batch.batch, self._next_n)
        schema = landed_schema(self._endpoint)
        return OpenFile(
            writer=self._zone.writer(path, schema),
            path=path,
            schema=schema,
            tenant=self._batch.tenant,
            batch=self._batch.batch,
            landed_at=landed_at,
            cursor_from=self._landed.cursor,
        )

    def _finish_file(self) -> None:
        file, landed = self._file, self._landed
        if file is None:
            if landed.cursor != self._batch.cursor:  # pages without records are not read again either
                self._ledger.move_cursor(self._batch, landed.cursor)
            return
        file.flush()
        size = file.writer.close()
        self._file = None
        self._ledger.record_file(
            LandedFile(
                tenant=self._batch.tenant,
                entity=self._endpoint.entity,
                batch=self._batch.batch,
                n=self._next_n,
                path=file.path,
                records=file.records,
                quarantined_whole=file.quarantined_whole,
                pages=file.pages,
                bytes=size,
                cursor_from=file.cursor_from,
                cursor_to=landed.cursor,
                fingerprint=fingerprint(self._endpoint),
                landed_at=file.landed_at,
            ),
            file.notes,
            file.unknown,
            self._presence.seen,
        )
        self._next_n += 1
        landed.files += 1
        landed.bytes += size
        landed.quarantined_whole += file.quarantined_whole
        landed.notes += len(file.notes)
        landed.new_fields |= file.unknown
