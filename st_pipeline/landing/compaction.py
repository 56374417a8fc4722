"""Many small landed files of one month become one, record for record; the ledger keeps a row for each of them.

The new file is safe before the ledger names it, in one transaction; the old ones go only after that. So a process that
is killed leaves the old files or the new one in the ledger, and the next sweep removes what is not in it. How files are
joined is in joining.py, what goes by its age in expiry.py.
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
from st_pipeline.landing.joining import FileDamaged, StoredFile, join, json_bytes
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.lock import RETRY_SECONDS, TenantBusy, tenant_lock
from st_pipeline.landing.zone import LandingZone

LARGEST_BYTES = 128 * 1024 * 1024  # of JSON in one file, as landing has it
# Of Parquet: what is larger needs no look to be seen as large, being at most an eighth of its JSON.
LARGEST_LOOKED_AT = LARGEST_BYTES // 8
MOST_FILES = 500  # joined at once: some ten seconds
TURN_SECONDS = 20.0  # that a sync may have to wait for the tenant's lock, and for the file at hand
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
    """Time was up."""


def compact(
    database: postgres.Database,
    zone: LandingZone,
    now: datetime,
    older_than: timedelta,
    *,
    largest: int = LARGEST_BYTES,
    seconds: float = 1800.0,
) -> Compacted:
    """Join loaded files of each month (UTC) that ended ``older_than`` before ``now``, up to ``largest`` bytes of JSON.

    Only while nobody syncs the tenant, and in turns, so that a sync waits for seconds. After ``seconds`` no further
    file is begun. One entity's trouble keeps no other from being done.
    """
    until = time.monotonic() + seconds
    with postgres.connect(database, application="st-pipeline compaction", autocommit=True) as connection:
        compaction = _Compaction(connection, zone, now, first_month_kept(now, older_than), largest)
        candidates = compaction.candidates()
        for tenant, group in itertools.groupby(candidates, key=operator.itemgetter(0)):
            entities = [entity for _, entity in group]
            try:
                while entities and time.monotonic() < until:
                    with tenant_lock(database, tenant, HOLDER, wait_seconds=0):
                        entities = compaction.turn(tenant, entities, min(until, time.monotonic() + TURN_SECONDS))
                    if entities:
                        time.sleep(2 * RETRY_SECONDS)  # whoever waits for the lock gets it
                compaction.done.has_more |= bool(entities)
            except TenantBusy:
                compaction.done.busy.append(tenant)
    return compaction.done


def first_month_kept(now: datetime, older_than: timedelta) -> datetime:
    """Files that landed before this belong to a month that ended ``older_than`` before ``now``, or longer ago."""
    return (now - older_than).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def plan(files: Sequence[StoredFile], sizes: Mapping[str, int], largest: int) -> list[list[StoredFile]]:
    """Which files become one: in order, of one month and one typing, together up to ``largest`` bytes of JSON.

    ``sizes`` are bytes of JSON by path. Files of half that size are large enough, and one without another stays. What
    more than MOST_FILES become is joined with the others when it is planned again.
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
        """Tenants' entities with several files of a month that may be small, or a change that may have been
        interrupted."""
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

    def turn(self, tenant: str, entities: list[str], until: float) -> list[str]:
        """Work under the tenant's lock until there is nothing to do or time is up; the entities that remain."""
        while entities and time.monotonic() < until:
            try:
                if self._join_some(tenant, entities[0]):
                    continue
            except (FileDamaged, OSError, pa.ArrowException) as problem:
                log.error("%s %s: %s", tenant, entities[0], problem)
                self.done.problems.append(f"{tenant} {entities[0]}: {problem}")
            entities = entities[1:]
        return entities

    def _join_some(self, tenant: str, entity: str) -> bool:
        """Make one file of several; False when none can be."""
        ledger = Ledger(self.connection)
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
        self._record(tenant, entity, path, group)
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

    def _record(self, tenant: str, entity: str, path: str, group: Sequence[StoredFile]) -> None:
        """The ledger's rows lie in the new file from here on; all or none."""
        with self.connection.transaction():
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
