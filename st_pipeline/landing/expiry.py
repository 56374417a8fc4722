"""Delete old landed files, if that is configured. The ledger keeps their rows.

A file that isn't loaded with the current catalog, or that is still needed to mark deletions, is never deleted.
warehouse/reloading.py refuses a reload that would need deleted files.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg

from st_pipeline import postgres
from st_pipeline.landing.compaction import HOLDER, SWEPT_FOR
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.ownership import claim
from st_pipeline.landing.tenant_lock import TenantBusy, tenant_lock
from st_pipeline.landing.typer import fingerprint
from st_pipeline.landing.zone import LandingZone
from st_pipeline.servicetitan.catalogue.lookup import endpoint

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Expired:
    """What was done. ``problems`` are sentences; ``busy`` tenants were being synced, and are left for the next time."""

    files: int = 0
    rows: int = 0
    """Ledger rows, one for each file as it landed."""
    records: int = 0
    busy: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def expire(database: postgres.Database, zone: LandingZone, now: datetime, keep: timedelta) -> Expired:
    """Remove files whose records all landed more than ``keep`` before ``now``. They are marked in the ledger first.

    If the process is killed in between, the next call removes the marked files.
    """
    done = Expired()
    with postgres.connect(database, application="st-pipeline expiry", autocommit=True) as connection:
        claim(zone, Ledger(connection))
        for tenant, entity in _candidates(connection, now, keep):
            if tenant in done.busy:
                continue
            try:
                print_ = fingerprint(endpoint(entity))
            except KeyError:
                continue  # the entity left the catalog, so there is no way to tell whether it is loaded correctly
            try:
                with tenant_lock(database, tenant, HOLDER, wait_seconds=0) as hold:
                    with Ledger(connection, hold).together():
                        marked = _mark(connection, tenant, entity, print_, now, now - keep)
                    # This also removes what an earlier run marked before it was killed.
                    zone.sweep(entity, tenant, Ledger(connection).paths(tenant, entity))
            except TenantBusy:
                done.busy.append(tenant)
                continue
            except OSError as problem:
                log.error("%s %s: %s", tenant, entity, problem)
                done.problems.append(f"{tenant} {entity}: could not remove an expired file: {problem}")
                continue
            done.files += len({path for path, _ in marked})
            done.rows += len(marked)
            done.records += sum(records for _, records in marked)
    return done


def _candidates(connection: psycopg.Connection, now: datetime, keep: timedelta) -> list[tuple[str, str]]:
    return connection.execute(
        """
        select tenant, entity from control.landed_files
        where (expired_at is null and landed_at < %s) or expired_at > %s
        group by tenant, entity order by tenant, entity
        """,
        (now - keep, now - SWEPT_FOR),
    ).fetchall()


def _mark(
    connection: psycopg.Connection, tenant: str, entity: str, print_: str, now: datetime, before: datetime
) -> list[tuple[str, int]]:
    """Mark files that can be deleted, in one transaction. Returns (path, records) for each of their ledger rows."""
    return connection.execute(
        """
        update control.landed_files set expired_at = %(now)s
        where tenant = %(tenant)s and entity = %(entity)s and expired_at is null and path in (
            select f.path
            from control.landed_files f
            left join control.cursors c on c.tenant = f.tenant and c.entity = f.entity
            where f.tenant = %(tenant)s and f.entity = %(entity)s and f.expired_at is null
            group by f.path
            having bool_and(
                f.landed_at < %(before)s
                and f.loaded_at is not null
                and f.loaded_fingerprint is not distinct from %(print)s
                and f.records = f.loaded_rows + f.quarantined_whole
                -- not part of an unfinished batch, which would be continued
                and (c.batch is distinct from f.batch or c.is_complete)
                -- not part of a full batch whose deletions are still to be marked
                and c.full_batch is distinct from f.batch
            )
        )
        returning path, records
        """,
        {"tenant": tenant, "entity": entity, "print": print_, "now": now, "before": before},
    ).fetchall()
