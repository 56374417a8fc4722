"""One embedded server a session, and a migrated warehouse of its own for every module that asks for one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
from hypothesis import HealthCheck
from psycopg import sql

from st_pipeline import dagster_home, postgres
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.settings import Settings
from st_pipeline.warehouse.schema import ensure_tables
from tests.dealing import Dealing, is_long
from tests.hasty import hurry
from tests.support.homes import empty_home
from tests.support.run_folder import RunFolder

# Cores are shared: how long examples take says nothing about the code. Fixtures that examples share keep them apart.
hypothesis.settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis.settings.load_profile("project")

NewWarehouse = Callable[[], Database]
NO_CAPTURE = """
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""

# A past to write and a webhook, for every room that looks at what happened.
pytest_plugins = ("tests.support.monitored",)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealing:
    """Deal the suite out as dealing.py says, in the order of the collection."""
    config.option.loadscopereorder = False
    return Dealing(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Workers inherit the run's folder from the process that started them."""
    if not hasattr(config, "workerinput"):
        folder = RunFolder()
        config.add_cleanup(folder.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long proofs first: begun last, one of them keeps a worker busy while the other has nothing left."""
    items.sort(key=lambda item: not is_long(item.nodeid))


@pytest.fixture(scope="session")
def server_settings() -> Settings:
    """Settings of the session's home; its server runs while the session does."""
    return Settings.from_environment({"ST_PIPELINE_HOME": str(empty_home("session"))})


@pytest.fixture(scope="session")
def new_warehouse(server_settings: Settings) -> NewWarehouse:
    """Make a migrated warehouse with all raw tables, empty; a copy of one that is made once."""
    template = postgres.prepare(server_settings)
    hurry(template)
    with postgres.connect(template, autocommit=True) as connection:
        ensure_tables(connection, map(endpoint, ASSET_ENTITIES))
    numbers = itertools.count()

    def make() -> Database:
        database = template.with_name(f"warehouse_{next(numbers)}")
        with postgres.connect(template.with_name("postgres"), autocommit=True) as connection:
            statement = sql.SQL("create database {} template {} strategy file_copy")
            connection.execute(statement.format(sql.Identifier(database.name), sql.Identifier(template.name)))
        return database

    return make


@pytest.fixture(scope="module")
def warehouse(new_warehouse: NewWarehouse) -> Database:
    """The module's own warehouse. Tests in it keep apart by tenants of their own, or by taking a fresh one."""
    return new_warehouse()


@pytest.fixture
def control(warehouse: Database) -> Iterator[psycopg.Connection]:
    """An autocommit connection to the module's warehouse."""
    with postgres.connect(warehouse, application="tests", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session", autouse=True)
def uncaptured_output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Dagster instances in this process leave the output of steps alone; for each they would start four processes."""
    instance = tmp_path_factory.mktemp("instance") / "dagster.yaml"
    instance.write_text(f"{dagster_home.INSTANCE_FILE.read_text()}\n{NO_CAPTURE}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dagster_home, "INSTANCE_FILE", instance)
        yield
