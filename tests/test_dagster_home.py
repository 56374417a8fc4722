"""dagster_home.py: the folder and the variables of a Dagster process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
import yaml

from st_pipeline import dagster_home, postgres
from st_pipeline.dagster_home import INSTANCE_FILE, WORKSPACE_FILE, environment, prepare_home
from st_pipeline.dbt import environment as dbt_environment
from st_pipeline.postgres import Database, PostgresError
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings


@pytest.fixture
def settings(server_settings: Settings, warehouse: Database, tmp_path: Path) -> Settings:
    own = warehouse.with_name(f"{warehouse.name}_dagster")
    return replace(server_settings, home=tmp_path / "home", dsn=warehouse.url(), dagster_dsn=own.url())


def test_the_home_has_the_projects_instance_file_whatever_was_there_before(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dagster_home, "INSTANCE_FILE", INSTANCE_FILE)  # not the suite's own
    home = prepare_home(settings)
    assert home == settings.home / "dagster"
    assert (home / "dagster.yaml").read_bytes() == INSTANCE_FILE.read_bytes()
    (home / "dagster.yaml").write_text("of an older version")
    (home / "kept").write_text("by Dagster")
    assert prepare_home(settings) == home
    assert (home / "dagster.yaml").read_bytes() == INSTANCE_FILE.read_bytes()
    assert (home / "kept").read_text() == "by Dagster"


def test_the_instances_database_is_made_and_is_reached_by_its_variable(settings: Settings) -> None:
    found = environment(settings)
    assert environment(settings) == found, "it may be there already"
    engine = sqlalchemy.create_engine(found["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:
        name = connection.execute(sqlalchemy.text("select current_database()")).scalar()
    engine.dispose()
    assert name == postgres.dagster(settings).name
    assert found["DAGSTER_HOME"] == str(settings.home / "dagster")
    assert (settings.home / "dagster" / "dagster.yaml").exists()


def test_the_instance_file_reads_the_variable_that_is_set(settings: Settings) -> None:
    storage = yaml.safe_load(INSTANCE_FILE.read_text())["storage"]
    assert storage["postgres"]["postgres_url"] == {"env": "DAGSTER_POSTGRES_URL"}
    assert "DAGSTER_POSTGRES_URL" in environment(settings)


def test_a_sensor_that_waits_delays_no_other() -> None:
    sensors = yaml.safe_load(INSTANCE_FILE.read_text())["sensors"]
    assert sensors["use_threads"]
    assert sensors["num_workers"] >= 6, "one for each sensor"


def test_dbt_gets_the_warehouse_and_not_the_instances_database(settings: Settings, warehouse: Database) -> None:
    found = environment(settings)
    assert dbt_environment(warehouse).items() <= found.items()
    assert found["ST_PIPELINE_PG_DATABASE"] == warehouse.name


def test_nothing_is_sent_home(settings: Settings) -> None:
    assert environment(settings)["DAGSTER_DISABLE_TELEMETRY"] == "yes"
    assert yaml.safe_load(INSTANCE_FILE.read_text())["telemetry"] == {"enabled": False}


def test_a_database_that_cannot_be_reached_is_told_without_its_password_and_makes_no_home(settings: Settings) -> None:
    nowhere = replace(settings, dagster_dsn=Secret("postgresql://user:canary@127.0.0.1:1/dagster"))
    with pytest.raises(PostgresError) as raised:
        environment(nowhere)
    assert "127.0.0.1:1" in str(raised.value)
    assert "canary" not in str(raised.value)
    assert not nowhere.home.exists()


def test_the_workspace_names_the_module_of_the_definitions() -> None:
    (load,) = yaml.safe_load(WORKSPACE_FILE.read_text())["load_from"]
    assert "st_pipeline.definitions" in str(load)
    assert dagster_home.WORKSPACE_FILE.parent == INSTANCE_FILE.parent
