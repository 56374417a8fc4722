"""upkeep.py and what doctor says of tables: in this process, on a real server."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from st_pipeline import postgres
from st_pipeline.cli import inspection
from st_pipeline.cli.main import app
from st_pipeline.schedule import weekly_full_reads
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline


@pytest.fixture(scope="module")
def pipeline(server_settings: Settings) -> Iterator[Pipeline]:
    before = dict(os.environ)
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-upkeep-"))
    database = postgres.warehouse(server_settings).with_name("cli_upkeep")
    os.environ["ST_PIPELINE_HOME"] = str(home)
    os.environ["ST_PIPELINE_DSN"] = database.url().reveal()
    os.environ["ST_PIPELINE_DAGSTER_DSN"] = database.with_name("cli_upkeep_dagster").url().reveal()
    yield open_pipeline(Settings.from_environment())
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(home)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.mark.usefixtures("pipeline")
def test_it_says_of_every_step_what_was_done_and_exits_with_0() -> None:
    result = run("upkeep")
    assert result.exit_code == 0, result.output
    assert "done    compact_landed_files: files_before 0, files_after 0" in result.output
    assert (
        "done    expire_landed_files: did nothing, because ST_PIPELINE_KEEP_LANDED_DAYS is set to never"
        in result.output
    )


@pytest.mark.usefixtures("pipeline")
def test_a_step_that_fails_is_named_and_makes_the_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*given: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(weekly_full_reads, "request_full_reads", breaks)
    result = run("upkeep", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert len(said) == 6
    assert {step["step"] for step in said if step["error"]} == {"ask_for_whole_readings"}
    assert any("no luck" in (step["error"] or "") for step in said)


def test_doctor_says_what_to_do_for_tables_or_that_they_are_fine(pipeline: Pipeline) -> None:
    assert inspection._tables(pipeline) == "vacuum and statistics are up to date"
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        connection.execute("alter table raw.crm_customers set (autovacuum_enabled = off)")
    result = run("doctor", "--json")
    assert result.exit_code == 1
    (found,) = [one for one in json.loads(result.stdout) if one["what"] == "tables"]
    assert found["fine"] is False
    assert 'alter table "raw"."crm_customers" reset (autovacuum_enabled);' in found["said"]
