"""One embedded server a session, and a migrated warehouse of its own for every module that asks for one."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from psycopg import sql

from st_pipeline import postgres
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.settings import Settings
from st_pipeline.warehouse.schema import ensure_tables
from tests.dealing import Dealing, is_long
from tests.hasty import hurry
from tests.support.run_folder import RunFolder

# Cores are shared: how long one example takes says nothing about the code.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")

NewWarehouse = Callable[[], Database]

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
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-tests-"))
    home.chmod(0o755)  # as root the server runs as another user, who must get in
    return Settings.from_environment({"ST_PIPELINE_HOME": str(home)})


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
