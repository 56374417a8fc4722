"""syncing.py, inspection.py and tables.py: commands in this process, on a real server, against the sandbox."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from st_pipeline import postgres
from st_pipeline.cli.main import app
from st_pipeline.landing.zone import OWNER
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import Status, new_tenant
from tests.portal.noted import noted

ACCOUNTS = (
    Account(11, "cid.11", "cs1.11", "ak1.app", seed=3, size=Size(customers=15, invoices=20)),
    Account(12, "cid.12", "cs1.12", "ak1.app", seed=4, size=Size(customers=5, invoices=5), connected=False),
)
KEYS = {11: "acme", 12: "waiting"}


@dataclass(frozen=True)
class Place:
    sandbox: Sandbox
    pipeline: Pipeline

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture(scope="module")
def place(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    before = dict(os.environ)
    with Sandbox(ACCOUNTS) as sandbox:
        os.environ["ST_PIPELINE_HOME"] = str(server_settings.home)
        os.environ["ST_PIPELINE_LANDING"] = str(tmp_path_factory.mktemp("landing"))  # a zone has one owner
        os.environ["ST_PIPELINE_SANDBOX_URL"] = sandbox.url
        database = postgres.warehouse(server_settings).with_name("cli_syncing")
        os.environ["ST_PIPELINE_DSN"] = database.url().reveal()
        os.environ["ST_PIPELINE_DAGSTER_DSN"] = database.with_name("cli_dagster").url().reveal()
        pipeline = open_pipeline(Settings.from_environment())
        with pipeline.registry() as registry:
            for account in ACCOUNTS:
                tenant = new_tenant(key=KEYS[account.tenant_id], tenant_id=account.tenant_id, environment="sandbox")
                own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
                registry.add(tenant, own)
        yield Place(sandbox, pipeline)
    os.environ.clear()
    os.environ.update(before)


def test_a_sync_shows_what_came_and_exits_with_0(place: Place) -> None:
    result = place.run("sync", "acme")
    assert result.exit_code == 0, result.output
    assert "acme: succeeded" in result.output
    assert "crm_customers" in result.output


def test_as_json_a_sync_has_the_sandboxs_own_counts(place: Place) -> None:
    result = place.run("sync", "acme", "--full", "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said["succeeded"] is True
    assert {row["entity"]: row["loaded"] for row in said["entities"]} == {
        entity: place.sandbox.world(11).count(entity) for entity in (row["entity"] for row in said["entities"])
    }


def test_one_tenants_failure_takes_no_other_with_it_and_makes_the_exit_status_1(place: Place) -> None:
    result = place.run("sync", "--all", "--json")
    assert result.exit_code == 1
    outcomes = {row["tenant"]: row["outcome"] for row in json.loads(result.stdout)["tenants"]}
    assert outcomes == {"acme": "succeeded", "waiting": "failed"}
    errors = [row["error"] for row in json.loads(result.stdout)["tenants"] if row["tenant"] == "waiting"]
    assert "not connected yet" in errors[0]


def test_a_request_is_a_row_for_the_daemon_and_one_of_the_audit(place: Place) -> None:
    with postgres.connect(place.pipeline.database, autocommit=True) as connection:
        asked = json.loads(place.run("sync", "acme", "waiting", "--request", "--full", "--json").stdout)
        (part,) = json.loads(place.run("sync", "acme", "--request", "--entity", "crm_customers", "--json").stdout)
        for refused in (("acme", "nobody"), ("acme", "--entity", "crm_customer")):
            assert place.run("sync", *refused, "--request").exit_code == 1
        numbers = connection.execute("select id from control.sync_requests order by id").fetchall()
        connection.execute("delete from control.sync_requests")
        entries = noted(connection, 10)
    assert [(each["request"],) for each in [*asked, part]] == numbers
    assert entries == [
        ("command line", "", "full re-sync asked for", "acme", {"request": numbers[0][0]}),
        ("command line", "", "full re-sync asked for", "waiting", {"request": numbers[1][0]}),
        ("command line", "", "sync asked for", "acme", {"request": numbers[2][0], "entities": ["crm_customers"]}),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sync",), "--all"),
        (("sync", "acme", "--all"), "--all"),
        (("sync", "acmee"), "acme"),
        (("sync", "acme", "--entity", "crm_customer"), "crm_customers"),
        (("sync", "acme", "--entity", "crm_leads"), "is not synced yet"),
    ],
)
def test_what_cannot_be_synced_is_refused_in_one_line_that_helps(
    place: Place, arguments: tuple[str, ...], said: str
) -> None:
    result = place.run(*arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_reload_of_a_disabled_tenant_works_and_asks_nothing(place: Place) -> None:
    with place.pipeline.registry() as registry:
        registry.disable("acme")
    before = len(place.sandbox.calls)
    try:
        result = place.run("reload", "acme", "--entity", "crm_customers", "--json")
        refused = place.run("sync", "acme")
    finally:
        with place.pipeline.registry() as registry:
            registry.enable("acme")
    assert result.exit_code == 0, result.output
    assert refused.exit_code == 1
    assert "disabled" in refused.output
    assert len(place.sandbox.calls) == before


def test_status_shows_every_tenant_with_its_last_sync(place: Place) -> None:
    with place.pipeline.registry() as registry:
        registry.add(new_tenant(key="empty", tenant_id=13, environment="sandbox"), None)
        registry.record_check("empty", CheckResult(Status.CONNECTED, "connected"), datetime.now(UTC))
    try:
        place.run("sync", "acme")
        lines = place.run("status").output.splitlines()
    finally:
        with place.pipeline.registry() as registry:
            registry.remove("empty")
    for shown in (r"^ acme +fresh ", r"^ empty +not complete yet +never "):
        assert any(re.search(shown, line) for line in lines), shown
    said = {row["tenant"]: row for row in json.loads(place.run("status", "--json").stdout)["tenants"]}
    assert said["acme"]["last_outcome"] == "succeeded"
    assert said["acme"]["status"] == "connected"
    assert said["acme"]["last_success_at"]
    assert said["waiting"]["status"] == "not_connected"
    shown = place.run("status").output
    assert "acme" in shown
    assert "2 tenants, 1 connected" in shown


def test_doctor_says_what_is_fine_and_what_is_to_do(place: Place) -> None:
    result = place.run("doctor", "--json")
    assert result.exit_code == 1, "one tenant is not connected"
    found = {finding["what"]: finding for finding in json.loads(result.stdout)}
    assert {name for name, finding in found.items() if not finding["fine"]} == {"tenant waiting"}
    assert "Settings > Integrations" in found["tenant waiting"]["said"]
    assert "PostgreSQL" in found["warehouse"]["said"]


def test_doctor_compares_the_ledger_with_the_landed_files_and_names_the_zone_of_another(place: Place) -> None:
    def said() -> tuple[bool, str]:
        found = {finding["what"]: finding for finding in json.loads(place.run("doctor", "--json").stdout)}
        return found["landed files"]["fine"], found["landed files"]["said"]

    landing = Path(Settings.from_environment().landing)
    file = next(landing.rglob("*.parquet"))
    count = len(list(landing.rglob("*.parquet")))
    assert said() == (True, f"all {count} files of the ledger are in the landing zone")
    away = file.rename(landing.parent / file.name)
    try:
        is_fine, what = said()
        assert not is_fine
        assert what.startswith(
            f"1 landed file is missing from the landing zone, for example {file.relative_to(landing)}."
        )
    finally:
        away.rename(file)
    mark = landing / OWNER
    own = mark.read_text()
    try:
        mark.write_text("somebody else\n")
        is_fine, what = said()
        assert not is_fine
        assert "belongs to another installation (its .st_pipeline_owner says somebody else)" in what
    finally:
        mark.write_text(own)
    assert said()[0]


def test_doctor_names_the_setting_of_a_server_that_is_not_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_PIPELINE_DSN", "postgresql://user:canary@127.0.0.1:1/warehouse")
    result = place.run("doctor")
    assert result.exit_code == 1
    assert "ST_PIPELINE_DSN" in result.output
    assert "canary" not in result.output


def test_psql_prints_a_dsn_that_connects(place: Place) -> None:
    dsn = place.run("psql", "--dsn").output.strip()
    connected = postgres.connect(postgres.Database.from_dsn(Secret(dsn), default_name="warehouse"))
    with connected:
        assert connected.info.dbname == "cli_syncing"
