"""dbt.py: the dbt project as files, its variables, its manifest, and one build at a time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from st_pipeline import dbt, postgres
from st_pipeline.dbt import DbtProjectBroken, dbt_executable, environment, manifest, project_folder
from st_pipeline.locks import Lock
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret

SERVER = Database("db.example", 6543, "us er", Secret("canary"), "house", {"sslmode": "require"})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project that a test may break."""
    folder = tmp_path / "dbt_project"
    shutil.copytree(project_folder(), folder, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(dbt, "project_folder", lambda: folder)
    manifest.cache_clear()
    yield folder
    manifest.cache_clear()


def test_the_variables_are_the_parts_of_the_database() -> None:
    assert environment(SERVER) == {
        "ST_PIPELINE_PG_HOST": "db.example",
        "ST_PIPELINE_PG_PORT": "6543",
        "ST_PIPELINE_PG_USER": "us er",
        "ST_PIPELINE_PG_PASSWORD": "canary",
        "ST_PIPELINE_PG_DATABASE": "house",
        "ST_PIPELINE_PG_CONNECT_TIMEOUT": "10",
        "ST_PIPELINE_PG_KEEPALIVES_IDLE": "30",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def test_a_server_without_a_password_has_an_empty_one() -> None:
    assert environment(Database("/socket", 5432, "postgres", None, "house"))["ST_PIPELINE_PG_PASSWORD"] == ""


def test_the_profile_reads_every_variable_that_is_set_and_no_other() -> None:
    read = set(re.findall(r"env_var\('(\w+)'", (project_folder() / "profiles.yml").read_text()))
    assert read == {name for name in environment(SERVER) if name.startswith("ST_PIPELINE_")}


def test_dbt_is_the_one_of_this_environment_whatever_the_path_says() -> None:
    said = subprocess.run([dbt_executable(), "--version"], env={"PATH": ""}, capture_output=True, text=True, check=True)
    assert "postgres" in said.stdout


def test_only_one_build_runs_and_the_next_gets_its_turn(warehouse: Database, control: psycopg.Connection) -> None:
    def is_free() -> bool:
        row = control.execute("select pg_try_advisory_lock(%s)", (Lock.BUILD,)).fetchone()
        assert row
        if row[0]:
            control.execute("select pg_advisory_unlock(%s)", (Lock.BUILD,))
        return row[0]

    assert is_free()
    with dbt.one_build_at_a_time(warehouse):
        assert not is_free()
    # The server notices a closed connection a moment later; whoever waits gets the lock then.
    control.execute("select pg_advisory_lock(%s)", (Lock.BUILD,))
    control.execute("select pg_advisory_unlock(%s)", (Lock.BUILD,))


def test_a_build_that_fails_holds_nobody_up(warehouse: Database) -> None:
    with pytest.raises(RuntimeError), dbt.one_build_at_a_time(warehouse):
        raise RuntimeError("on purpose")
    with dbt.one_build_at_a_time(warehouse):
        pass


def test_builds_of_two_warehouses_do_not_wait_for_each_other(warehouse: Database) -> None:
    other = warehouse.with_name("postgres")
    with dbt.one_build_at_a_time(warehouse), dbt.one_build_at_a_time(other), postgres.connect(other) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_manifest_is_made_once_for_each_state_of_the_files_and_names_the_database(project: Path) -> None:
    first = manifest("house")
    content = json.loads(first.read_text())
    assert {node["database"] for node in content["nodes"].values() if node["resource_type"] == "model"} == {"house"}
    assert first.parent == project / "target"
    manifest.cache_clear()
    made_at = first.stat().st_mtime_ns
    assert manifest("house") == first
    assert first.stat().st_mtime_ns == made_at, "found, not made again"
    assert [path.name for path in (project / "target").iterdir()] == [first.name], "nothing else is left"
    (project / "models" / "marts" / "added.sql").write_text("select 1 as id")
    manifest.cache_clear()
    second = manifest("house")
    assert second != first
    assert "model.st_pipeline.added" in json.loads(second.read_text())["nodes"]


def test_a_project_that_cannot_be_read_is_told_in_dbts_words_and_leaves_no_manifest(project: Path) -> None:
    (project / "models" / "marts" / "broken.sql").write_text("select * from {{ ref('nothing_like_this') }}")
    with pytest.raises(DbtProjectBroken, match="nothing_like_this") as raised:
        manifest("house")
    assert str(project) in str(raised.value)
    assert list((project / "target").iterdir()) == []
