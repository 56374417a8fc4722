"""defs/checks.py on a real instance. All checks pass after syncs; then one thing breaks and one check fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import dagster as dg
import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg.sql import SQL

from st_pipeline import postgres
from st_pipeline.definitions import build_defs
from st_pipeline.defs import checks as module
from st_pipeline.landing.zone import LandingZone
from st_pipeline.rules.asset_checks import Evidence, Verdict, read_evidence
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from tests.conftest import NewWarehouse
from tests.support.hostile import HOSTILE, SCRIPT, unseen
from tests.support.past import NOW

CANARY = "cs1.canary-of-checks-6e0b"
SIZE = Size(customers=30, invoices=40, awkward=False)
Check = tuple[str, str]


@pytest.fixture(scope="module")
def synced(new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Tenants acme and bolt, synced once; cole never connected; dale was paused long ago."""
    accounts = [Account(n, f"cid.{n}", CANARY, "ak1.app", seed=n, size=SIZE, connected=n < 3) for n in (1, 2, 3)]
    home = tmp_path_factory.mktemp("checks")
    with Sandbox(accounts) as sandbox:
        settings = Settings.from_environment(
            {
                "ST_PIPELINE_HOME": str(home),
                "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
                "ST_PIPELINE_SANDBOX_URL": sandbox.url,
                "SERVICETITAN_APP_KEY": "ak1.app",
            }
        )
        pipeline = Pipeline(settings, new_warehouse(), LandingZone(str(home / "landing")))
        with pipeline.registry() as registry:
            for number, key in enumerate(("acme", "bolt", "cole", "dale"), 1):
                cadence = "paused" if key == "dale" else "nightly"
                tenant = new_tenant(key=key, tenant_id=number, environment="sandbox", cadence=cadence)
                registry.add(tenant, own_credentials(f"cid.{number}", Secret(CANARY)))
        for key in ("acme", "bolt"):
            assert sync_tenant(pipeline, key, SyncPlan(land=ASSET_ENTITIES, load=ASSET_ENTITIES)).failures == []
        yield pipeline


@pytest.fixture(scope="module")
def control(synced: Pipeline) -> Iterator[psycopg.Connection]:
    with postgres.connect(synced.database, application="tests", autocommit=True) as connection:
        connection.execute(
            "update control.tenants set created_at = now() - interval '9 days', "
            "status_since = now() - interval '9 days' where key <> 'cole'"
        )
        yield connection


@dataclass
class Checks:
    """The job; ``run`` returns each check's result. Uses an in-memory instance unless a test is about the real one."""

    job: dg.JobDefinition
    run_id: str = ""

    def run(self, instance: dg.DagsterInstance | None = None) -> dict[Check, dg.AssetCheckEvaluation]:
        result = self.job.execute_in_process(instance=instance)
        assert result.success, "a failed check does not fail the run"
        self.run_id = result.run_id
        return {(one.asset_key.to_user_string(), one.check_name): one for one in result.get_asset_check_evaluations()}


@pytest.fixture(scope="module")
def checks(synced: Pipeline) -> Checks:
    definitions = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(synced)})
    return Checks(definitions.resolve_job_def("check_data"))


def failed(evaluations: dict[Check, dg.AssetCheckEvaluation]) -> dict[Check, dg.AssetCheckSeverity]:
    return {key: one.severity for key, one in evaluations.items() if not one.passed}


def test_without_problems_every_check_passes_and_the_state_is_read_once(
    checks: Checks, control: psycopg.Connection, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []

    def counted(*arguments: Any) -> Evidence:
        looks.append(arguments)
        return read_evidence(*arguments)

    monkeypatch.setattr(module, "read_evidence", counted)
    evaluations = checks.run(instance)
    assert len(looks) == 1
    assert len(instance.all_logs(checks.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)) == len(evaluations)
    assert CANARY not in str(instance.all_logs(checks.run_id))
    assert failed(evaluations) == {}
    assert len(evaluations) == 7 * len(ASSET_ENTITIES) + 2
    assert {asset for asset, _ in evaluations} == {
        *(f"raw/{entity}" for entity in ASSET_ENTITIES), "legacy/invoices_stream", "legacy/members_stream",
    }  # fmt: skip
    fresh = evaluations["raw/crm_customers", "is_fresh"].metadata
    assert fresh["tenants_looked_at"].value == 4
    uncounted = evaluations["raw/jpm_jobs", "counts_agree"].metadata
    assert "acme" in str(uncounted["not_counted"].value), "a missing count is shown and fails nothing"


BREAKS: dict[str, tuple[Check, dg.AssetCheckSeverity, LiteralString, LiteralString]] = {
    "an entity that has not been read for days": (
        ("raw/crm_customers", "is_fresh"),
        dg.AssetCheckSeverity.ERROR,
        "update control.sync_entities e set outcome = 'failed' from control.syncs s "
        "where s.id = e.sync_id and s.tenant = 'bolt' and e.entity = 'crm_customers'",
        "update control.sync_entities set outcome = 'succeeded'",
    ),
    "a row lost between file and table": (
        ("raw/crm_locations", "is_complete"),
        dg.AssetCheckSeverity.ERROR,
        "update control.landed_files set loaded_rows = loaded_rows - 1 where tenant = 'bolt' and entity = "
        "'crm_locations'",
        "update control.landed_files set loaded_rows = records - quarantined_whole",
    ),
    "an API that counts more than raw has": (
        ("raw/accounting_payments", "counts_agree"),
        dg.AssetCheckSeverity.ERROR,
        "insert into control.api_counts values "
        "('bolt', 'accounting_payments', now() + interval '1 hour', now(), 12, 11, 0)",
        "delete from control.api_counts where api_total = 12 and raw_rows = 11",
    ),
    "a row deleted in the API": (
        ("raw/accounting_payments", "counts_agree"),
        dg.AssetCheckSeverity.WARN,
        "insert into control.api_counts values "
        "('bolt', 'accounting_payments', now() + interval '1 hour', now(), 11, 12, 0)",
        "delete from control.api_counts where api_total = 11 and raw_rows = 12",
    ),
    "an empty list": (
        ("raw/jpm_job_types", "keeps_coming"),
        dg.AssetCheckSeverity.ERROR,
        "with s as (insert into control.syncs (tenant, is_full, is_partial, started_at, finished_at, outcome) values "
        "('bolt', false, true, now() + interval '1 s', now() + interval '2 s', 'succeeded') returning id) "
        "insert into control.sync_entities select id, 'jpm_job_types', 'succeeded', 0, 0, 0, 0, 0, 0, 0, 1, 0, 1 "
        "from s",
        "delete from control.syncs where is_partial",
    ),
    "a revoked scope": (
        ("raw/jpm_job_types", "is_granted"),
        dg.AssetCheckSeverity.ERROR,
        "with s as (insert into control.syncs (tenant, is_full, is_partial, started_at, finished_at, outcome) values "
        "('bolt', false, true, now() + interval '1 s', now() + interval '2 s', 'succeeded') returning id) "
        "insert into control.sync_entities select id, 'jpm_job_types', 'not_granted', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 "
        "from s",
        "delete from control.syncs where is_partial",
    ),
    "records that cannot be typed": (
        ("raw/jpm_appointments", "is_typed"),
        dg.AssetCheckSeverity.WARN,
        "with f as (insert into control.landed_files (tenant, entity, batch, n, path, records, quarantined_whole, "
        "pages, bytes, cursor_from, fingerprint, landed_at, loaded_rows, loaded_at) values ('bolt', "
        "'jpm_appointments', 'x', 0, 'x', 500, 0, 1, 1, 'token', '', now(), 500, now()) returning id) "
        "insert into control.quarantine select id, 'bolt', 'jpm_appointments', n, n, 'start', 'no instant', '{}', "
        "now() from f, generate_series(1, 9) n",
        "delete from control.landed_files where batch = 'x'",
    ),
    "an unknown field": (
        ("raw/memberships_memberships", "fields_are_stable"),
        dg.AssetCheckSeverity.WARN,
        "insert into control.drift values ('bolt', 'memberships_memberships', 'a|new*field', 'new', "
        "now() + interval '1 minute', now() + interval '1 minute')",
        "delete from control.drift where field = 'a|new*field'",
    ),
    "a smaller members report": (
        ("legacy/members_stream", "members_stay"),
        dg.AssetCheckSeverity.ERROR,
        "insert into control.member_counts values ('bolt', 'a', 100, now() - interval '1 day'), "
        "('bolt', 'b', 10, now())",
        "delete from control.member_counts where tenant = 'bolt'",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_only_the_check_for_the_problem_fails_and_it_names_the_tenant(
    checks: Checks, control: psycopg.Connection, name: str
) -> None:
    check, severity, break_, mend = BREAKS[name]
    control.execute(SQL(break_))
    try:
        evaluations = checks.run()
    finally:
        control.execute(SQL(mend))
    assert failed(evaluations) == {check: severity}
    metadata = evaluations[check].metadata
    assert metadata["tenants"].value == "bolt"
    heads, _, *rows = str(metadata["findings"].value).splitlines()
    assert heads == "| tenant | entity | what | since | what to do |"
    assert all(row.startswith("| bolt | ") and row.replace("\\|", "").count("|") == 6 for row in rows)
    assert len(rows) == 1


def test_the_checks_are_not_part_of_syncs_or_builds() -> None:
    repository = build_defs().get_repository_def()
    assert [node.name for node in repository.get_job("sync_tenant").nodes] == ["sync"]
    assert [node.name for node in repository.get_job("build_marts").nodes] == ["reports"]
    (schedule,) = [one for one in repository.schedule_defs if one.job_name == "check_data"]
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_rule_that_is_off_does_not_fail_its_check(
    checks: Checks, control: psycopg.Connection, synced: Pipeline
) -> None:
    rules: Path = synced.settings.home / "alerts.toml"
    rules.write_text("[drift]\nenabled = false\n")
    _, _, break_, mend = BREAKS["an unknown field"]
    control.execute(SQL(break_))
    try:
        assert failed(checks.run()) == {}
    finally:
        rules.unlink()
        control.execute(SQL(mend))


def test_what_a_check_shows_of_the_api_is_visible_text() -> None:
    finding = Finding("drift", "acme", Severity.NOW, HOSTILE + SCRIPT, NOW, (), entity=HOSTILE)
    result = module._result(Verdict(("raw", "crm_customers"), "fields_are_stable", [finding], {"newest": HOSTILE}))
    shown = "".join(str(value.value) for value in result.metadata.values())
    assert not unseen(shown)
    table = str(result.metadata["findings"].value)
    assert len(table.splitlines()) == 3
    assert re.search(r"(?<!\\)[<\[]", table) is None
