"""What a sync needs, opened once from the settings: warehouse, landing zone, registry, and clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from st_pipeline import postgres
from st_pipeline.landing.land import FILE_BYTES
from st_pipeline.landing.zone import LandingZone
from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.settings import Settings
from st_pipeline.sync.memory import keep_peak_low
from st_pipeline.tenants import clients
from st_pipeline.tenants.model import Tenant
from st_pipeline.tenants.registry import Registry
from st_pipeline.warehouse.schema import ensure_tables

Progress = Callable[[str, str, str, int], None]
"""Called with tenant, entity, ``fetched``, ``loaded`` or ``done``, and a number of records."""


def _silent(tenant: str, entity: str, stage: str, records: int) -> None:
    pass


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The shared parts that every package receives. Cheap to pass around and safe to use from many threads."""

    settings: Settings
    database: postgres.Database
    zone: LandingZone
    progress: Progress = _silent
    file_bytes: int = FILE_BYTES
    """Bytes of JSON after which a landed file ends."""
    clock: Callable[[], datetime] = _now
    """Determines what is due, and timestamps the history."""

    @contextmanager
    def registry(self) -> Iterator[Registry]:
        """The registry, on its own connection. Raises VaultKeyInvalid."""
        with postgres.connect(self.database, application="st-pipeline registry", autocommit=True) as connection:
            yield Registry.of(connection, self.settings)

    def client_for(self, tenant: Tenant, credentials: Credentials, calls: CallLog | None = None) -> ServiceTitan:
        """A client for a tenant with these credentials, counting in ``calls``. The caller must close it."""
        return clients.client(tenant, credentials, self.settings, calls=calls)

    def client(self, key: str) -> ServiceTitan:
        """An authenticated client for a tenant. The caller must close it.

        Raises:
            TenantsError: the tenant is unknown or has no credentials, or the vault is locked.
        """
        with self.registry() as registry:
            return self.client_for(registry.get(key), registry.credentials(key))


def open_pipeline(settings: Settings) -> Pipeline:
    """Open the pipeline for ``settings``, migrate the warehouse, and make every raw table match the catalog.

    Raises:
        PostgresError, EmbeddedPostgresError, SchemaConflict: each message names the setting or table to check.
    """
    keep_peak_low()
    database = postgres.prepare(settings)
    with postgres.connect(database, autocommit=True) as connection:
        ensure_tables(connection, map(endpoint, ASSET_ENTITIES))
    return Pipeline(settings, database, LandingZone(settings.landing))
