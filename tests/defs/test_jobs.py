"""defs/jobs.py: what each of the two jobs runs, and how."""

from __future__ import annotations

import dagster as dg
import pytest
import yaml

from st_pipeline.dagster_home import INSTANCE_FILE
from st_pipeline.definitions import build_defs
from st_pipeline.defs.checks import data
from st_pipeline.defs.in_flight import LOCKED_JOBS
from st_pipeline.defs.jobs import build_marts, sync_tenant


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return build_defs().get_repository_def()


def test_only_tenant_assets_are_partitioned_and_no_job_mixes_them(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    tenant_assets = {key for key in graph.materializable_asset_keys if graph.get(key).is_partitioned}
    assert {key.path[0] for key in tenant_assets} == {"landing", "raw"}
    selected = {
        name: repository.get_job(name).asset_layer.executable_asset_keys for name in ("sync_tenant", "build_marts")
    }
    assert selected["sync_tenant"] == tenant_assets
    assert selected["build_marts"] == graph.materializable_asset_keys - tenant_assets


def test_the_data_checks_are_in_neither_job(repository: dg.RepositoryDefinition) -> None:
    """They look at all tenants at once; a sync that fails one would not be one tenant's."""
    graphs = {name: repository.get_job(name).asset_layer.asset_graph for name in LOCKED_JOBS}
    assert graphs["sync_tenant"].asset_check_keys == set()
    assert graphs["build_marts"].asset_check_keys, "dbt's own tests run with the build"
    for graph in graphs.values():
        assert not graph.asset_check_keys & data.check_keys
    assert repository.get_job("check_data").asset_layer.asset_graph.asset_check_keys == data.check_keys


@pytest.mark.parametrize("job", [sync_tenant, build_marts], ids=lambda job: job.name)
def test_a_job_runs_in_the_process_of_its_run(job: dg.JobDefinition, repository: dg.RepositoryDefinition) -> None:
    assert repository.get_job(job.name).executor_def.name == "in_process"


def test_the_jobs_are_those_whose_runs_are_looked_after(repository: dg.RepositoryDefinition) -> None:
    assert {sync_tenant.name, build_marts.name} == set(LOCKED_JOBS)


def test_never_two_builds_run_at_once_as_the_instance_limits_their_tag() -> None:
    limits = yaml.safe_load(INSTANCE_FILE.read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    (limit,) = [each for each in limits if each["key"] in (build_marts.tags or {})]
    assert limit["limit"] == 1
    assert "value" not in limit, "whatever the value"
