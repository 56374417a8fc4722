"""``st-pipeline alerts``: real command line, real Postgres, a webhook that listens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner, Result

from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.alert_round import Alerting
from st_pipeline.alerting.incidents import Reconciled, reconcile
from st_pipeline.cli.main import app
from st_pipeline.postgres import Database
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Do, Step
from tests.support.webhook import Webhook, webhook

CANARY = "canary-of-alerts-77aa"
NOW = datetime.now(UTC)

Run = Callable[..., Result]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


@pytest.fixture(autouse=True)
def environment(
    server_settings: Settings, warehouse: Database, control: psycopg.Connection, hook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("ST_PIPELINE_QUIET_HOURS", "ST_PIPELINE_HEARTBEAT_URL", "ST_PIPELINE_ALERT_URLS_FILE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("ST_PIPELINE_HOME", str(server_settings.home))
    monkeypatch.setenv("ST_PIPELINE_DSN", warehouse.url().reveal())
    monkeypatch.setenv("ST_PIPELINE_ALERT_URLS", f"json://{hook.address}/{CANARY}")
    for table in ("deliveries", "alerts", "incidents"):
        control.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]


@pytest.fixture
def run() -> Run:
    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["alerts", *arguments])
        assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
        assert CANARY not in result.output
        assert "Traceback" not in result.output
        return result

    return run


def store(connection: psycopg.Connection) -> None:
    found = Finding("scope_withdrawn", "acme", Severity.NOW, "Gone [sic]", NOW - timedelta(days=1), (Step(Do.SYNC),))
    incident_table.store(connection, Reconciled([found], [], []), "http://dagster", NOW)


def test_a_test_reaches_every_channel_and_leaves_a_row_that_waits_for_nobody(
    run: Run, hook: Webhook, control: psycopg.Connection
) -> None:
    said = run("test").stdout
    assert said.startswith("json-") and said.endswith(": delivered\n")
    (body,) = hook.take()
    assert (body["state"], body["title"]) == ("test", "st-pipeline: test")
    rows = control.execute("select kind, settled_at is not null from control.alerts").fetchall()
    assert rows == [("test", True)]
    assert control.execute("select count(*) from control.deliveries").fetchone() == (1,)


def test_a_channel_that_refuses_makes_the_exit_status_1(
    run: Run, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_PIPELINE_ALERT_URLS", f"json://{hook.address}/{CANARY} json://127.0.0.1:9/{CANARY}")
    said = json.loads(run("test", "--json", exit_code=1).stdout)
    assert [channel["took_it"] for channel in said] == [True, False]


def test_without_a_channel_it_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_PIPELINE_ALERT_URLS", "")
    assert "set ST_PIPELINE_ALERT_URLS" in run("test", exit_code=1).stderr


def test_a_url_that_is_none_is_said_without_being_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_PIPELINE_ALERT_URLS", f"nosuch://{CANARY}")
    assert "entry 1 of 1 is not a complete URL" in run("test", exit_code=1).stderr


def test_nothing_wrong_is_said_in_words_and_as_an_empty_list(run: Run) -> None:
    assert run("list").stdout == "No open alerts.\n"
    assert json.loads(run("list", "--json").stdout) == []


def test_what_is_wrong_is_listed_with_what_to_do_and_who_was_told(
    run: Run, hook: Webhook, control: psycopg.Connection
) -> None:
    store(control)
    said = run("list").stdout
    for part in (
        "acme: A permission was withdrawn (since",
        "Gone [sic]",
        "What to do: Run st-pipeline sync acme.",
        "Notified: no one yet",
    ):
        assert part in said
    channels = Alerting.of(Settings.from_environment()).channels
    deliveries.deliver(control, channels, NOW, quiet=None, digest_over=5)
    assert f"Notified: {channels[0].name}" in run("list").stdout
    (row,) = json.loads(run("list", "--json").stdout)
    assert (row["tenant"], row["rule"], row["severity"]) == ("acme", "scope_withdrawn", "now")
    assert (row["told"], row["closed_at"]) == ([channels[0].name], None)


def test_what_is_over_is_listed_when_asked_for(run: Run, control: psycopg.Connection) -> None:
    store(control)
    news = reconcile(incident_table.read_open_incidents(control), [], {"acme"}, {"scope_withdrawn"})
    incident_table.store(control, news, "http://dagster", NOW)
    assert run("list").stdout == "No open alerts.\n"
    assert "; recovered " in run("list", "--days", "1").stdout


def test_the_command_is_part_of_the_whole() -> None:
    assert "alerts" in CliRunner().invoke(app, ["--help"]).output
