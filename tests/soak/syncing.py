"""``python -m tests.soak.syncing``: one sync by the function alone, without Dagster or the command line."""

from __future__ import annotations

from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from tests.soak.tenants import KEY

if __name__ == "__main__":
    outcome = sync_tenant(open_pipeline(Settings.from_environment()), KEY, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES))
    if outcome.failures:
        raise SystemExit("; ".join(outcome.failures))
