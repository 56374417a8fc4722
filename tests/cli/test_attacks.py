"""Every command that shows what came from outside, over a world in which every text is hostile."""

from __future__ import annotations

import json

import psycopg
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from st_pipeline.cli import tables
from st_pipeline.cli.main import app
from st_pipeline.history.run_results import EntityStatus
from st_pipeline.postgres import Database
from st_pipeline.settings import Settings
from tests.portal.browser_world import fill
from tests.support.hostile import HOSTILE, UNSEEN_TEXT, unseen

SHOWN = r"\x1b[2J"


@pytest.fixture(autouse=True)
def hostile(
    server_settings: Settings, warehouse: Database, control: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_PIPELINE_HOME", str(server_settings.home))
    monkeypatch.setenv("ST_PIPELINE_DSN", warehouse.url().reveal())
    monkeypatch.setenv("ST_PIPELINE_SECRET_KEYS", Fernet.generate_key().decode())
    fill(control, HOSTILE)
    control.execute("update control.tenants set status = 'unreachable'")


@pytest.mark.parametrize(
    "command",
    ["status", "usage", "alerts list --days 3", "tenants list", "tenants show acme"],
)
def test_what_a_command_shows_neither_moves_nor_hides(command: str) -> None:
    result = CliRunner().invoke(app, command.split(), catch_exceptions=False, env={"COLUMNS": "400"})
    assert result.exit_code == 0
    assert not unseen(result.output)
    if "usage" not in command:
        assert SHOWN in result.output
        assert "[red]x[/red]" in result.output.replace("\n", "")


@pytest.mark.parametrize("command", ["status", "alerts list --days 3", "tenants list", "tenants show acme"])
def test_json_keeps_the_facts_and_no_raw_character(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--json"], catch_exceptions=False)
    assert not unseen(result.output)
    assert UNSEEN_TEXT in _texts(json.loads(result.stdout))


def test_an_error_names_what_it_was_given_visibly() -> None:
    for command in (["tenants", "show", HOSTILE], ["sync", HOSTILE], ["sync", "acme", "--entity", HOSTILE]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code != 0
        assert not unseen(result.output)


def test_the_report_of_a_sync_and_the_rows_of_a_query_are_visible(capsys: pytest.CaptureFixture[str]) -> None:
    entity = EntityStatus("acme", HOSTILE, "failed", 1, 1, 1, 0, 0, 0, 1.0, None, HOSTILE, ())
    fewer = EntityStatus("acme", "jpm_jobs", "succeeded", 1, 1, 1, 0, 0, 0, 1.0, None, HOSTILE, ())
    tables.sync_report([(1, HOSTILE, "failed", f"{HOSTILE}\nbolt: succeeded", ())], [entity, fewer])
    tables.query(HOSTILE, [HOSTILE], [[HOSTILE]])
    said = capsys.readouterr().out
    assert not unseen(said)
    assert said.count(SHOWN) >= 5
    assert "\nbolt: succeeded" not in said


def _texts(value: object) -> str:
    if isinstance(value, dict):
        return "".join(_texts(one) for one in value.values())
    if isinstance(value, list):
        return "".join(map(_texts, value))
    return str(value)
