"""What assets are handed: the pipeline, clients per tenant, dbt. Configuration only; the work is in the rooms."""

from __future__ import annotations

from functools import cache

import dagster as dg
from dagster_dbt import DbtCliResource

from st_pipeline.dbt import dbt_executable, project_folder
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline


class PipelineResource(dg.ConfigurableResource[Pipeline]):
    """Warehouse, landing zone and registry of the environment's settings."""

    def create_resource(self, context: dg.InitResourceContext) -> Pipeline:
        """The same pipeline for every step of a process: the warehouse is prepared once."""
        return _pipeline()


class Tenants:
    """Authenticated ServiceTitan clients by tenant key, for assets of your own."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def client(self, tenant: str) -> ServiceTitan:
        """A client that signs in when it is first used; close it when done. Raises TenantsError."""
        return self._pipeline.client(tenant)


class ServiceTitanResource(dg.ConfigurableResource[Tenants]):
    """``servicetitan.client("acme")`` in any asset: credentials come from the vault, never from run config."""

    def create_resource(self, context: dg.InitResourceContext) -> Tenants:
        """Clients on the environment's registry."""
        return Tenants(_pipeline())


@cache
def _pipeline() -> Pipeline:
    return open_pipeline(Settings.from_environment())


def dbt_resource() -> DbtCliResource:
    """dbt on the project's models; the database is in the process's environment when it runs."""
    return DbtCliResource(
        project_dir=str(project_folder()), profiles_dir=str(project_folder()), dbt_executable=dbt_executable()
    )
