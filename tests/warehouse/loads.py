"""Loading and marking deletions as a sync does it, over its own connection."""

from __future__ import annotations

from collections.abc import Callable

from st_pipeline import postgres
from st_pipeline.landing.hold import Hold
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.warehouse import deletions, loading
from st_pipeline.warehouse.deletions import DeletionVerdict
from st_pipeline.warehouse.loading import Loaded


def load(
    database: Database,
    zone: LandingZone,
    tenant: str,
    endpoint: Endpoint,
    *,
    again: bool = False,
    hold: Hold | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> Loaded:
    with postgres.connect(database, autocommit=True) as connection:
        return loading.load(connection, database, zone, tenant, endpoint, again=again, hold=hold, progress=progress)


def mark_deleted(
    database: Database, zone: LandingZone, tenant: str, endpoint: Endpoint, hold: Hold | None = None
) -> DeletionVerdict | None:
    with postgres.connect(database, autocommit=True) as connection:
        return deletions.mark_deleted(connection, database, zone, tenant, endpoint, hold)
