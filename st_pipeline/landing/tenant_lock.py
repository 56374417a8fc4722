"""One sync of a tenant at a time, by an advisory lock in the warehouse that is released when its process ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from st_pipeline import postgres
from st_pipeline.landing import hold
from st_pipeline.landing.hold import Hold

RETRY_SECONDS = 0.5
# Poolers and firewalls end connections that are idle for some minutes.
HEARTBEAT_SECONDS = 30.0

log = logging.getLogger(__name__)


class TenantBusy(Exception):
    """Another sync of the tenant is running. The message says which."""


@contextmanager
def tenant_lock(database: postgres.Database, tenant: str, holder: str, *, wait_seconds: float) -> Iterator[Hold]:
    """Hold the tenant's lock. If another process has it, wait at most ``wait_seconds``.

    ``holder`` is shown to others that wait: a run id or a process. The hold is for the transactions that rely on it.

    Raises:
        TenantBusy: the lock is still held. The message says by whom and since when.
    """
    name = f"st-pipeline sync {tenant} ({holder})"[:63]  # Postgres cuts longer names
    with postgres.connect(database, application=name, autocommit=True) as connection:
        deadline = time.monotonic() + wait_seconds
        told = False
        while not _try(connection, tenant):
            if time.monotonic() >= deadline:
                raise TenantBusy(
                    f"tenant {tenant} is being synced by {_holder(connection, tenant)}; try again when that finishes"
                )
            if not told:
                log.warning("tenant %s is being synced by %s; waiting", tenant, _holder(connection, tenant))
                told = True
            time.sleep(RETRY_SECONDS)
        try:
            with _heartbeat(connection):
                yield hold.take(connection, tenant)
        finally:
            # Closing the connection also releases it, but only a moment later. The next sync shouldn't find it held.
            with suppress(psycopg.OperationalError):
                connection.execute("select pg_advisory_unlock(control.tenant_lock_key(%s))", (tenant,))


@contextmanager
def _heartbeat(connection: psycopg.Connection) -> Iterator[None]:
    """Keep the connection from looking idle. If it ends anyway, the hold decides who may commit."""
    ended = threading.Event()

    def beat() -> None:
        with suppress(psycopg.Error):
            while not ended.wait(HEARTBEAT_SECONDS):
                connection.execute("select 1")

    thread = threading.Thread(target=beat, name="tenant-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _try(connection: psycopg.Connection, tenant: str) -> bool:
    row = connection.execute("select pg_try_advisory_lock(control.tenant_lock_key(%s))", (tenant,)).fetchone()
    return bool(row and row[0])


def _holder(connection: psycopg.Connection, tenant: str) -> str:
    row = connection.execute(
        """
        select application_name, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS "UTC"')
        from control.held_locks join pg_stat_activity using (pid)
        where key = control.tenant_lock_key(%s)
        """,
        (tenant,),
    ).fetchone()
    return f"{row[0]} since {row[1]}" if row else "another process that is about to end"
