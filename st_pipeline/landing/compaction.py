"""Combine many small landed files of one month into one, record for record. The ledger keeps a row for each of them.

The new file is on disk before one transaction puts it in the ledger, and the old files are deleted only after that. So
if the process is killed, the ledger has either the old files or the new one, and the next sweep removes the others.
See joining.py for how files are combined, and expiry.py for removal by age.
"""

from __future__ import annotations

import itertools
import logging
import operator
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
import pyarrow as pa
from psycopg.rows import class_row

from st_pipeline import postgres
from st_pipeline.landing.hold import Hold
from st_pipeline.landing.joining import FileDamaged, StoredFile, join, json_bytes
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.ownership import claim
from st_pipeline.landing.tenant_lock import RETRY_SECONDS, TenantBusy, tenant_lock
from st_pipeline.landing.zone import LandingZone

LARGEST_BYTES = 128 * 1024 * 1024  # of JSON in one file, as landing has it
# Bytes of Parquet, which are at most an eighth of the JSON. Larger files are known to be large without opening them.
LARGEST_LOOKED_AT = LARGEST_BYTES // 8
MOST_FILES = 500  # combined at once, which takes about ten seconds
TURN_SECONDS = 20.0  # how long a sync may wait for the tenant's lock, plus the current file
HOLDER = "upkeep"
SWEPT_FOR = timedelta(days=2)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Compacted:
    """What was done. ``problems`` are sentences; ``busy`` tenants were being synced, and are left for the next time."""

    files_before: int = 0
    files_after: int = 0
    records: int = 0
    busy: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    has_more: bool = False
    """Whether time ran out before everything was done."""


def compact(
    database: postgres.Database,
    zone: LandingZone,
    now: datetime,
    older_than: timedelta,
    *,
    largest: int = LARGEST_BYTES,
    seconds: float = 1800.0,
) -> Compacted:
    """Combine loaded files of each month (UTC) that ended ``older_than`` before ``now``, up to ``largest`` JSON bytes.

    Skips tenants that are being synced, and works in turns, so a sync waits only seconds. After ``seconds``, no new
    file is started. An error in one entity doesn't stop the others.
    """
    until = time.monotonic() + seconds
    with postgres.connect(database, application="st-pipeline compaction", autocommit=True) as connection:
        claim(zone, Ledger(connection))
        compaction = _Compaction(connection, zone, now, first_month_kept(now, older_than), largest)
        candidates = compaction.candidates()
        for tenant, group in itertools.groupby(candidates, key=operator.itemgetter(0)):
            entities = [entity for _, entity in group]
            try:
                while entities and time.monotonic() < until:
                    with tenant_lock(database, tenant, HOLDER, wait_seconds=0) as hold:
                        entities = compaction.turn(hold, entities, min(until, time.monotonic() + TURN_SECONDS))
                    if entities:
                        time.sleep(2 * RETRY_SECONDS)  # let a waiting sync take the lock
                compaction.done.has_more |= bool(entities)
            except TenantBusy:
                compaction.done.busy.append(tenant)
    return compaction.done


def first_month_kept(now: datetime, older_than: timedelta) -> datetime:
    """Files that landed before this belong to a month that ended at least ``older_than`` before ``now``."""
    return (now - older_than).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def plan(files: Sequence[StoredFile], sizes: Mapping[str, int], largest: int) -> list[list[StoredFile]]:
    """Which files to combine: in order, with the same month and typing, up to ``largest`` bytes of JSON in total.

    ``sizes`` has the bytes of JSON by path. A file of at least half ``largest`` stays as it is, and so does a file with
    no other to combine with. Groups over MOST_FILES are split, and combined further in the next plan.
    """
    groups: dict[tuple[str, str], list[list[StoredFile]]] = {}
    filled: dict[tuple[str, str], int] = {}
    for file in files:
        size, key = sizes[file.path], (file.month, file.fingerprint)
        if size * 2 >= largest:
            continue
        if key not in groups or filled[key] + size > largest or len(groups[key][-1]) == MOST_FILES:
            groups.setdefault(key, []).append([])
            filled[key] = 0
        groups[key][-1].append(file)
        filled[key] += size
    return [group for several in groups.values() for group in several if len(group) > 1]


@dataclass(slots=True)
class _Compaction:
    connection: psycopg.Connection
    zone: LandingZone
    now: datetime
    before: datetime
    largest: int
    done: Compacted = field(default_factory=Compacted)
    sizes: dict[str, int] = field(default_factory=dict)

    def candidates(self) -> list[tuple[str, str]]:
        """(tenant, entity) pairs with several possibly small files in a month, or a possibly interrupted compaction."""
        return self.connection.execute(
            """
            select tenant, entity from (
                select tenant, entity, month, fingerprint,
                    count(*) filter (where bytes < %s and landed_at < %s) as small, max(compacted_at) as compacted_at
                from (
                    select tenant, entity, path, min(fingerprint) as fingerprint, sum(bytes) as bytes,
                        date_trunc('month', min(landed_at) at time zone 'UTC') as month, max(landed_at) as landed_at,
                        max(compacted_at) as compacted_at
                    from control.landed_files where expired_at is null
                    group by tenant, entity, path
                ) files
                group by tenant, entity, month, fingerprint
            ) months
            where small > 1 or compacted_at > %s
            group by tenant, entity order by tenant, entity
            """,
            (LARGEST_LOOKED_AT, self.before, self.now - SWEPT_FOR),
        ).fetchall()

    def turn(self, hold: Hold, entities: list[str], until: float) -> list[str]:
        """Work under the tenant's lock until nothing is left or time is up. Returns the remaining entities."""
        while entities and time.monotonic() < until:
            try:
                if self._join_some(hold, entities[0]):
                    continue
            except (FileDamaged, OSError, pa.ArrowException) as problem:
                log.error("%s %s: %s", hold.tenant, entities[0], problem)
                self.done.problems.append(f"{hold.tenant} {entities[0]}: {problem}")
            entities = entities[1:]
        return entities

    def _join_some(self, hold: Hold, entity: str) -> bool:
        """Combine one group of files. False if there is none."""
        tenant, ledger = hold.tenant, Ledger(self.connection, hold)
        self.zone.sweep(entity, tenant, ledger.paths(tenant, entity))
        files = self._stored(tenant, entity)
        for file in files:
            if file.path not in self.sizes:
                self.sizes[file.path] = json_bytes(self.zone, file)
        group = next(iter(plan(files, self.sizes, self.largest)), None)
        if group is None:
            return False
        name = f"compacted-{secrets.token_hex(8)}.parquet"
        path = f"{entity}/tenant={tenant}/landed={group[0].landed_at:%Y-%m-%d}/{name}"
        join(self.zone, path, group)
        self._record(ledger, tenant, entity, path, group)
        self.zone.sweep(entity, tenant, ledger.paths(tenant, entity))
        self.done.files_before += len(group)
        self.done.files_after += 1
        self.done.records += sum(file.records for file in group)
        return True

    def _stored(self, tenant: str, entity: str) -> list[StoredFile]:
        with self.connection.cursor(row_factory=class_row(StoredFile)) as cursor:
            return cursor.execute(
                """
                select path, min(fingerprint) as fingerprint, min(landed_at) as landed_at,
                    to_char(min(landed_at) at time zone 'UTC', 'YYYY-MM') as month,
                    count(*) as rows, sum(records)::bigint as records
                from control.landed_files
                where tenant = %s and entity = %s and expired_at is null
                group by path
                having bool_and(loaded_fingerprint is not null and landed_at < %s)
                order by min(id)
                """,
                (tenant, entity, self.before),
            ).fetchall()

    def _record(self, ledger: Ledger, tenant: str, entity: str, path: str, group: Sequence[StoredFile]) -> None:
        """Point the ledger's rows to the new file, all or none."""
        with ledger.together():
            first = 0
            for file in group:
                moved = self.connection.execute(
                    """
                    update control.landed_files set path = %s, first_row = first_row + %s, compacted_at = %s
                    where tenant = %s and entity = %s and path = %s
                    """,
                    (path, first, self.now, tenant, entity, file.path),
                ).rowcount
                if moved != file.rows:
                    raise FileDamaged(f"ledger rows for {file.path} changed during compaction; nothing was changed")
                first += file.records
