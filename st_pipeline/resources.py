"""The resources for assets: the pipeline, clients per tenant, dbt. Other packages do the work.

None takes configuration from a run: anyone who may launch a run could otherwise name a program, a path or a host.
"""

from __future__ import annotations

from functools import cache

import dagster as dg
from dagster_dbt import DbtCliResource

from st_pipeline.dbt import dbt_executable, project_folder
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline


class PipelineResource(dg.ConfigurableResource[Pipeline]):
    """Warehouse, landing zone and registry, from the settings."""

    def create_resource(self, context: dg.InitResourceContext) -> Pipeline:
        """One pipeline for all steps of a process: the warehouse is prepared once."""
        return _pipeline()


class Tenants:
    """Authenticated ServiceTitan clients by tenant key, for your own assets."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def client(self, tenant: str) -> ServiceTitan:
        """A client that signs in on first use; close it when done. Raises TenantsError."""
        return self._pipeline.client(tenant)


class ServiceTitanResource(dg.ConfigurableResource[Tenants]):
    """``servicetitan.client("acme")`` in any asset. Credentials come from the vault, never from run config."""

    def create_resource(self, context: dg.InitResourceContext) -> Tenants:
        """Clients from the environment's registry."""
        return Tenants(_pipeline())


@cache
def _pipeline() -> Pipeline:
    return open_pipeline(Settings.from_environment())


def dbt_resource() -> dg.ResourceDefinition:
    """dbt with the project's models; the process's environment has the database.

    As a resource of its own kind, ``DbtCliResource`` would let each run name the program to execute.
    """

    def dbt(context: dg.InitResourceContext) -> DbtCliResource:
        folder = str(project_folder())
        return DbtCliResource(project_dir=folder, profiles_dir=folder, dbt_executable=dbt_executable())

    return dg.ResourceDefinition(dbt, config_schema={})


@dg.io_manager(config_schema={})
def no_outputs(context: dg.InitResourceContext) -> dg.IOManager:
    """For outputs, which have no value here. Dagster's own would let each run name the folder of its pickle files."""
    return dg.InMemoryIOManager()
