"""usage.py: what the API was called for, on the screen and for machines, after real syncs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from st_pipeline import postgres
from st_pipeline.cli.main import app
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import new_tenant

ENTITIES = ["crm_customers", "jpm_jobs"]
CANARY = "canary-of-usage"
ACCOUNTS = [
    Account(n, f"cid.{key}-1234", f"cs1.{CANARY}-{n}", f"ak1.{CANARY}", seed=n, size=Size(customers=12, invoices=9))
    for n, key in enumerate(("acme", "bolt"), 31)
]


@pytest.fixture(scope="module", autouse=True)
def sandbox(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    before = dict(os.environ)
    with Sandbox(ACCOUNTS) as sandbox:
        database = postgres.warehouse(server_settings).with_name("cli_usage")
        os.environ["ST_PIPELINE_HOME"] = str(server_settings.home)
        os.environ["ST_PIPELINE_LANDING"] = str(tmp_path_factory.mktemp("landing"))  # a zone has one owner
        os.environ["ST_PIPELINE_SANDBOX_URL"] = sandbox.url
        os.environ["ST_PIPELINE_DSN"] = database.url().reveal()
        pipeline = open_pipeline(Settings.from_environment())
        with pipeline.registry() as registry:
            for key, account in zip(("acme", "bolt"), ACCOUNTS, strict=True):
                own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
                registry.add(new_tenant(key=key, tenant_id=account.tenant_id, environment="sandbox"), own)
        for key in ("acme", "acme", "bolt"):
            assert sync_tenant(pipeline, key, SyncPlan(ENTITIES, ENTITIES)).failures == []
        yield sandbox
    os.environ.clear()
    os.environ.update(before)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["usage", *arguments], catch_exceptions=False)


def test_it_counts_the_calls_that_the_api_got(sandbox: Sandbox) -> None:
    said = json.loads(run("--by", "tenant", "--json").stdout)
    assert [row["tenant"] for row in said] == ["acme", "bolt"]
    assert sum(row["calls"] for row in said) == len(sandbox.calls)
    assert [(row["failed"], row["refused"], row["retries"]) for row in said] == [(0, 0, 0)] * 2
    assert all(0 < row["p50_latency"] <= row["p95_latency"] <= row["p99_latency"] <= row["slowest"] for row in said)
    assert all(row["average_latency"] * row["calls"] == pytest.approx(row["seconds"]) for row in said)


def test_it_tells_endpoints_apart_for_one_tenant() -> None:
    said = json.loads(run("acme", "--by", "operation", "--json").stdout)
    assert {row["operation"].rpartition("/")[2] for row in said} == {"token", "customers", "jobs"}
    assert {(row["day"], row["tenant"], row["app"]) for row in said} == {(None, None, None)}


def test_the_screen_shows_day_tenant_and_app_and_nothing_secret() -> None:
    shown = run().output
    assert "…1234" in shown
    assert {"day", "tenant", "app", "calls", "429", "95%"} <= set(shown.split())
    everything = shown + run("--json").output + run("--by", "operation").output
    assert CANARY not in everything
    assert "cid." not in everything


def test_a_tenant_that_never_called_has_no_calls_and_one_that_is_not_there_is_refused() -> None:
    pipeline = open_pipeline(Settings.from_environment())
    with pipeline.registry() as registry:
        own = OwnCredentials("cid.new", Secret("cs1.x"), Secret("ak1.x"))
        registry.add(new_tenant(key="cole", tenant_id=99, environment="sandbox"), own)
    assert run("cole").output.strip() == "No API calls."
    refused = run("acne")
    assert refused.exit_code == 1
    assert "did you mean acme?" in refused.output
