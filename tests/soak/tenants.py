"""The one tenant to sync, registered in its own warehouse."""

from __future__ import annotations

from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from tests.soak.serving import APP_KEY, CLIENT_ID, CLIENT_SECRET, TENANT_ID

KEY = "soak"


def prepared(environment: dict[str, str]) -> Pipeline:
    """A pipeline on the warehouse in ``environment``, with the tenant in its registry."""
    pipeline = open_pipeline(Settings.from_environment(environment))
    with pipeline.registry() as registry:
        registry.add(
            new_tenant(key=KEY, tenant_id=TENANT_ID, environment="sandbox"),
            own_credentials(CLIENT_ID, Secret(CLIENT_SECRET), Secret(APP_KEY)),
        )
    return pipeline
