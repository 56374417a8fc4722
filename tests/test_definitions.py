"""definitions.py: what exists, by name. A renamed asset, job or schedule shows up here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
        "tenant_registry", "asked_syncs", "loaded_waves", "lost_runs", "waiting_tenants", "alerts", "skipped_checks",
    }  # fmt: skip
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors.values())
    seconds = sensors["asked_syncs"].minimum_interval_seconds
    assert seconds is not None and seconds <= 10, "picked up within ten seconds"


def test_dbt_tests_are_checks_of_the_legacy_tables(repository: dg.RepositoryDefinition) -> None:
    checked = {key.asset_key.to_user_string() for key in repository.asset_graph.asset_check_keys}
    assert {"legacy/invoices_stream", "legacy/members_stream", "legacy/rejected_rows"} <= checked


# Everything that a run may be told. None of it names a program, a module, a path, a host or SQL.
MAY_BE_TOLD = {
    "ops.sync.config.full": "BoolSource",
    "ops.sync.config.reload": "BoolSource",
    "ops.sync.config.if_due": "BoolSource",
    "ops.sync.config.requested_by": "StringSource",  # a name in the history
    "execution.config.marker_to_close": "String",  # the name of an event; Dagster no longer uses it
    "execution.config.step_dependency_config.require_upstream_step_success": "Bool",
    "loggers.console.config.log_level": "String",
    "loggers.console.config.name": "String",
}
# The job behind the UI's Materialize button ignores keys of assets that are not selected.
IGNORED = {("__ASSET_JOB", "resources"), ("__ASSET_JOB", "ops")}


def told(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each field of a run's configuration that holds a value, and its type. ``any`` accepts whatever comes."""
    kind = config.kind.name
    if kind in ("STRICT_SHAPE", "PERMISSIVE_SHAPE", "SELECTOR"):
        for name, part in config.fields.items():
            yield from told(part.config_type, (*path, name))
        if kind == "PERMISSIVE_SHAPE":
            yield ".".join(path), "any"
    elif kind in ("ARRAY", "NONEABLE", "MAP"):
        yield from told(config.inner_type, path)
    elif kind == "SCALAR_UNION":
        yield ".".join(path), str(config.scalar_type.given_name) + "Source"
    else:
        yield ".".join(path), str(config.given_name)


def test_no_run_can_be_told_a_program_a_path_a_host_or_sql(repository: dg.RepositoryDefinition) -> None:
    jobs = {job.name: job for job in repository.get_all_jobs()}
    assert jobs.keys() >= {"__ASSET_JOB", "sync_tenant", "build_marts", "check_data", "upkeep"}
    found = {
        (name, field): kind
        for name, job in jobs.items()
        for field, kind in told(job.run_config_schema.config_type)
        if MAY_BE_TOLD.get(field) != kind and (name, field) not in IGNORED
    }
    assert not found, "give the resource or op its value in code, not in the run's configuration"


def test_a_run_that_names_another_dbt_is_refused(repository: dg.RepositoryDefinition) -> None:
    config = {"resources": {"dbt": {"config": {"dbt_executable": "/bin/sh"}}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="dbt_executable"):
        dg.validate_run_config(repository.get_job("build_marts"), config)


def test_what_the_ui_lists_says_what_it_is_for(repository: dg.RepositoryDefinition) -> None:
    for each in [*repository.sensor_defs, *repository.schedule_defs]:
        assert each.description, each.name
    for entity in ASSET_ENTITIES:
        schema = repository.asset_graph.get(dg.AssetKey(["raw", entity])).metadata["dagster/column_schema"]
        described = {column.name: column.description for column in schema.columns}
        assert all(described[name] for name in ("_extra", "_version", "_landed_at", "_deleted_at"))
