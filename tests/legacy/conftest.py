"""This folder's own warehouse on a real server, and dbt as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"

Dbt = Callable[..., str]


@pytest.fixture(scope="session")
def database(new_warehouse: Callable[[], postgres.Database]) -> postgres.Database:
    return new_warehouse()


@pytest.fixture(scope="session")
def connection(database: postgres.Database) -> Iterator[psycopg.Connection]:
    with postgres.connect(database, application="tests of the legacy tables", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def dbt(database: postgres.Database, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """dbt on the database that these tests share."""
    return dbt_for(database, tmp_path_factory.mktemp("dbt"))


def dbt_for(database: postgres.Database, work: Path) -> Dbt:
    """Run a dbt command in its own process; returns the output, or fails the test with it."""
    environment = os.environ | {
        "ST_PIPELINE_PG_HOST": database.host,
        "ST_PIPELINE_PG_PORT": str(database.port),
        "ST_PIPELINE_PG_USER": database.user,
        "ST_PIPELINE_PG_PASSWORD": database.password.reveal() if database.password else "",
        "ST_PIPELINE_PG_DATABASE": database.name,
    }
    dbt_command = str(Path(sys.executable).with_name("dbt"))
    paths = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    paths += ["--target-path", str(work / "target"), "--log-path", str(work / "logs")]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [dbt_command, *arguments, *paths], env=environment, cwd=work, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"dbt {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
