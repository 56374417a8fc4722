"""definitions.py: what exists, by name. A renamed asset, job or schedule shows up here."""

from __future__ import annotations

import dagster as dg
import pytest

from st_pipeline.definitions import build_defs
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    definitions = build_defs()
    dg.Definitions.validate_loadable(definitions)
    return definitions.get_repository_def()


def test_every_entity_has_a_landing_and_a_raw_asset_joined_to_each_other(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    for entity in ASSET_ENTITIES:
        raw = graph.get(dg.AssetKey(["raw", entity]))
        assert raw.parent_keys == {dg.AssetKey(["landing", entity])}
        assert graph.get(dg.AssetKey(["staging", f"stg_{entity}"])).parent_keys >= {raw.key}


def test_the_legacy_tables_and_marts_are_assets(repository: dg.RepositoryDefinition) -> None:
    keys = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}
    assert {
        "legacy/invoices_stream",
        "legacy/members_stream",
        "legacy/rejected_rows",
        "marts/customers",
        "marts/invoices",
    } <= keys


def test_every_asset_is_in_the_group_of_its_layer(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    for key in graph.materializable_asset_keys:
        assert graph.get(key).group_name == key.path[0]


def test_the_schedules_and_the_sensor_run_from_the_first_deploy_on(repository: dg.RepositoryDefinition) -> None:
    schedules = {schedule.name: schedule for schedule in repository.schedule_defs}
    assert schedules["due_syncs"].cron_schedule == "* * * * *"
    assert all(schedule.default_status is dg.DefaultScheduleStatus.RUNNING for schedule in schedules.values())
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert sensors.keys() >= {
        "tenant_registry", "asked_syncs", "loaded_waves", "lost_runs", "waiting_tenants", "alerts",
    }  # fmt: skip
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors.values())
    seconds = sensors["asked_syncs"].minimum_interval_seconds
    assert seconds is not None and seconds <= 10, "picked up within ten seconds"


def test_dbt_tests_are_checks_of_the_legacy_tables(repository: dg.RepositoryDefinition) -> None:
    checked = {key.asset_key.to_user_string() for key in repository.asset_graph.asset_check_keys}
    assert {"legacy/invoices_stream", "legacy/members_stream", "legacy/rejected_rows"} <= checked
