"""A past for rules to look at, made with the functions that make it in life: registry, history, ledger."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from cryptography.fernet import Fernet

from st_pipeline.history import recorder
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.landing.ledger import LandedFile, Ledger
from st_pipeline.landing.typer import Problem
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.calls import CallCount
from st_pipeline.steps.step import Steps
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import CheckCause, Status, new_tenant
from st_pipeline.tenants.registry import Registry
from st_pipeline.tenants.vault import Vault

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
LAST_NIGHT = datetime(2026, 6, 10, 2, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OPERATION = "GET /crm/v2/tenant/{tenant}/export/customers"
CUSTOMERS = "crm_customers"
TABLES = (
    "deliveries", "alerts", "incidents", "member_counts", "drift", "quarantine", "landed_files", "cursors",
    "raw_loads", "syncs", "builds", "api_counts", "tenants", "removed_tenants",
)  # fmt: skip

_KEY = Secret(Fernet.generate_key().decode())


def calls(number: int, *, status: int = 200, operation: str = OPERATION) -> CallCount:
    return CallCount(operation, status, number, 0, 1000 * number, 0.1 * number, 0.2, (number,))


def read(entity: str = CUSTOMERS, fetched: int = 100, **changes: object) -> EntityRecord:
    """An entity that was read to its end."""
    record = EntityRecord(entity, "succeeded", fetched=fetched, landed=fetched, loaded=fetched, files=1, pages=1)
    return replace(record, **changes)  # pyright: ignore[reportArgumentType]


class Past:
    """Writes what happened; instants are the caller's."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.registry = Registry(connection, Vault([_KEY]), shared_app_key=Secret("ak1.shared"))
        self._accounts = 0

    def forget(self) -> None:
        """Start from nothing."""
        for table in TABLES:
            self.connection.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]

    def tenant(
        self,
        key: str = "acme",
        *,
        cadence: str = "nightly",
        since: datetime = NOW - 100 * DAY,
        credentials_since: datetime = NOW - 5 * DAY,
    ) -> str:
        """A connected tenant, registered at ``since``."""
        self._accounts += 1
        tenant = new_tenant(key=key, tenant_id=self._accounts, environment="sandbox", cadence=cadence)
        self.registry.add(tenant, OwnCredentials(f"cid.{key}", Secret("cs1.x"), Secret("ak1.x")))
        self.found(key, Status.CONNECTED, "connected", since)
        self.connection.execute(
            "update control.tenants set created_at = %s, status_since = %s where key = %s", (since, since, key)
        )
        self.connection.execute(
            "update control.credentials set created_at = %s where tenant = %s", (credentials_since, key)
        )
        return key

    def found(
        self,
        key: str,
        status: Status,
        detail: str,
        at: datetime,
        cause: CheckCause = CheckCause.NONE,
        steps: Steps = (),
    ) -> None:
        """A check found this."""
        result = CheckResult(status, detail, frozenset({"tn.crm.customers:r"}), cause, steps)
        self.registry.record_check(key, result, at)

    def sync(
        self,
        at: datetime,
        tenant: str = "acme",
        *,
        error: str | None = None,
        own_error: str | None = None,
        trace_id: str | None = None,
        steps: Steps = (),
        entities: Sequence[EntityRecord] = (),
        called: Iterable[CallCount] = (),
        full: bool = False,
        seconds: float = 300,
        run_id: str | None = None,
        partial: bool = False,
    ) -> int:
        """A sync that started at ``at`` and ended, with what it fetched landed and loaded a second later."""
        sync_id = recorder.record_start(self.connection, tenant, run_id, at, full=full)
        for entity in entities:
            if entity.fetched:
                self.land(at + timedelta(seconds=1), tenant, entity.entity, entity.fetched, full=full)
        end = at + timedelta(seconds=seconds)
        has_failed = any(one.outcome != "succeeded" for one in entities)
        recorder.record_finish(
            self.connection,
            sync_id,
            tenant,
            end,
            error=error,
            own_error=own_error or (None if has_failed else error),
            steps=steps,
            trace_id=trace_id or next((entity.trace_id for entity in entities if entity.trace_id), None),
            entities=entities,
            calls=called,
        )
        self.connection.execute("update control.syncs set is_partial = %s where id = %s", (partial, sync_id))
        return sync_id

    def build(self, at: datetime, *, error: str | None = None, seconds: float = 60, run_id: str | None = None) -> None:
        """A build of the reports that began at ``at`` and ended."""
        self.connection.execute(
            "insert into control.builds (run_id, loads, started_at, finished_at, outcome, error) "
            "values (%s, '', %s, %s, %s, %s)",
            (run_id, at, at + timedelta(seconds=seconds), "failed" if error else "succeeded", error),
        )

    def changed(self, at: datetime, tenant: str = "acme", entity: str = CUSTOMERS) -> None:
        """Rows of raw changed, as a load leaves it."""
        self.connection.execute(
            "insert into control.raw_loads (tenant, entity, changed_at) values (%s, %s, %s) "
            "on conflict (tenant, entity) do update set changed_at = excluded.changed_at",
            (tenant, entity, at),
        )

    def nights(self, number: int, tenant: str = "acme", *, fetched: int = 100, until: datetime = LAST_NIGHT) -> None:
        """So many syncs that went well, one a night, the last at ``until``."""
        for night in range(number - 1, -1, -1):
            self.sync(until - night * DAY, tenant, entities=[read(fetched=fetched)], called=[calls(40)])

    def land(
        self,
        at: datetime,
        tenant: str = "acme",
        entity: str = CUSTOMERS,
        records: int = 100,
        *,
        full: bool = False,
        loaded: bool = True,
        short_by: int = 0,
        notes: Sequence[Problem] = (),
        new_fields: Sequence[str] = (),
    ) -> int:
        """One batch of one file; with ``loaded`` in raw, ``short_by`` rows of it missing."""
        ledger = Ledger(self.connection)
        batch = ledger.begin(tenant, entity, at, full=full)
        whole = sum(note.field is None for note in notes)
        path = f"{entity}/tenant={tenant}/{secrets.token_hex(8)}.parquet"
        ledger.record_file(
            LandedFile(
                tenant, entity, batch.batch, 0, path, records, whole, 1, 1000, batch.cursor, "token", "print", at
            ),
            notes,
            new_fields,
        )
        ledger.complete(batch, "token", at)
        if loaded:
            self.connection.execute(
                "update control.landed_files set loaded_rows = %s, loaded_fingerprint = 'print', loaded_at = %s "
                "where path = %s",
                (records - whole - short_by, at, path),
            )
        row = self.connection.execute("select id from control.landed_files where path = %s", (path,)).fetchone()
        assert row
        return row[0]
