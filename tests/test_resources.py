"""resources.py: what assets are given: one pipeline a process, clients by tenant, dbt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from st_pipeline import resources
from st_pipeline.dbt import dbt_executable, project_folder
from st_pipeline.postgres import Database
from st_pipeline.resources import PipelineResource, ServiceTitanResource, Tenants, dbt_resource
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.errors import CredentialsMissing, TenantUnknown
from st_pipeline.tenants.model import new_tenant

ACCOUNT = Account(1, "cid.1", "cs1.canary", "ak1.canary", size=Size(customers=3, invoices=3))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([ACCOUNT]) as running:
        yield running


@pytest.fixture
def _environment(
    warehouse: Database, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The variables of a process of ours; what was opened before is forgotten, and afterwards again."""
    monkeypatch.setenv("ST_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("ST_PIPELINE_DSN", warehouse.url().reveal())
    monkeypatch.setenv("ST_PIPELINE_SANDBOX_URL", sandbox.url)
    resources._pipeline.cache_clear()  # pyright: ignore[reportPrivateUsage]
    yield
    resources._pipeline.cache_clear()  # pyright: ignore[reportPrivateUsage]


def pipeline() -> Pipeline:
    return PipelineResource().create_resource(dg.build_init_resource_context())


def tenants() -> Tenants:
    return ServiceTitanResource().create_resource(dg.build_init_resource_context())


@pytest.mark.usefixtures("_environment")
def test_every_step_of_a_process_gets_the_same_pipeline_of_the_environments_settings(
    warehouse: Database, tmp_path: Path
) -> None:
    opened = pipeline()
    assert pipeline() is opened
    assert opened.database == warehouse
    assert opened.settings.home == tmp_path


@pytest.mark.usefixtures("_environment")
def test_a_client_of_a_tenant_signs_in_with_what_the_vault_holds_for_it() -> None:
    with pipeline().registry() as registry:
        own = OwnCredentials("cid.1", Secret("cs1.canary"), Secret("ak1.canary"))
        registry.add(new_tenant(key="acme", tenant_id=1, environment="sandbox"), own)
        registry.add(new_tenant(key="bolt", tenant_id=2, environment="sandbox"), None)
    client = tenants().client("acme")
    try:
        (page,) = client.pages(endpoint("crm_customers"))
    finally:
        client.close()
    assert len(page.records) == 3
    with pytest.raises(CredentialsMissing):
        tenants().client("bolt")
    with pytest.raises(TenantUnknown):
        tenants().client("nobody")


@pytest.mark.parametrize("resource", [PipelineResource, ServiceTitanResource])
def test_run_config_asks_for_nothing_and_so_holds_no_secret(resource: type[dg.ConfigurableResource]) -> None:
    assert resource.model_fields == {}
    assert resource().model_dump() == {}


@pytest.mark.usefixtures("_environment")
def test_an_asset_of_ones_own_gets_both_by_name() -> None:
    seen: list[object] = []

    @dg.asset
    def mine(pipeline: dg.ResourceParam[Pipeline], servicetitan: dg.ResourceParam[Tenants]) -> None:
        seen.extend((pipeline, servicetitan))

    given = {"pipeline": PipelineResource(), "servicetitan": ServiceTitanResource()}
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([mine], resources=given, instance=instance).success
    assert [type(one) for one in seen] == [Pipeline, Tenants]


def test_dbt_is_that_of_this_environment_on_the_projects_models() -> None:
    resource = dbt_resource()(dg.build_init_resource_context())
    assert resource.project_dir == resource.profiles_dir == str(project_folder())
    assert resource.dbt_executable == dbt_executable()
