"""From a misbehaving API to the webhook's messages and back, rule by rule: sync, check, alert, recover."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline import postgres
from st_pipeline.alerting.alert_round import Alerting, evaluate
from st_pipeline.alerting.channels import open_channels
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.rules.thresholds import Drop, ErrorRate, Quarantine, Rules
from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan import client as client_module
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.settings import Settings
from st_pipeline.sync.counting import count_after_sync
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from tests.conftest import NewWarehouse
from tests.support.webhook import Webhook

CANARY = "cs1.canary-of-alerting-31f7"
HOOK_CANARY = "hook-canary-of-alerting-8b2d"
TENANT_ID = 1001
TABLES = (
    "incidents", "alerts", "landed_files", "cursors", "drift", "syncs", "raw_loads", "api_counts", "builds", "tenants",
)  # fmt: skip
ENTITIES = ("crm_customers", "accounting_invoices", "jpm_job_types")
SCOPES = frozenset({"tn.crm.customers:r", "tn.acc.invoices:r", "tn.jpm.jobtypes:r"})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    size = Size(customers=60, invoices=60, awkward=False)
    account = Account(TENANT_ID, "cid.acme", CANARY, "ak1.acme", size=size, scopes=SCOPES)
    with Sandbox([account], page_size=5) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def database(new_warehouse: NewWarehouse) -> Database:
    return new_warehouse()


class Story:
    """One tenant, its sandbox, and a webhook for its alerts."""

    def __init__(self, pipeline: Pipeline, connection: psycopg.Connection[Any], sandbox: Sandbox, hook: Webhook):
        self.pipeline, self.connection, self.sandbox, self.hook = pipeline, connection, sandbox, hook
        # A few hundred records, with thresholds to match.
        self.rules = Rules(
            error_rate=ErrorRate(least_calls=10), quarantine=Quarantine(least_records=10), drop=Drop(least_records=20)
        )
        self.alerting = Alerting(self.rules, open_channels([Secret(f"json://{hook.address}/{HOOK_CANARY}")]))
        self.later = timedelta(0)

    def sync(self, *, full: bool = False) -> bool:
        """Run a sync and rebuild the reports; returns whether it succeeded. Its clock is ``later`` than now."""
        request = SyncPlan(land=ENTITIES, load=ENTITIES, full=full, run_id="run-1")
        outcome = sync_tenant(self.pipeline, "acme", request, clock=self.now)
        self.build()
        return not outcome.failures

    def build(self, error: str | None = None) -> None:
        """The record of a report build in the history."""
        self.connection.execute(
            "insert into control.builds (run_id, loads, started_at, finished_at, outcome, error) "
            "values ('run-b', '', %(now)s, %(now)s, %(outcome)s, %(error)s)",
            {"now": self.now(), "outcome": "failed" if error else "succeeded", "error": error},
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def told(self) -> list[dict[str, Any]]:
        """The webhook's messages from two rounds."""
        for _ in range(2):
            evaluate(self.connection, self.alerting, self.now())
        return self.hook.take()

    def scopes(self, scopes: frozenset[str]) -> None:
        accounts = self.sandbox._state.gate.accounts  # ServiceTitan's administrators have no public API to imitate
        accounts[TENANT_ID] = dataclasses.replace(accounts[TENANT_ID], scopes=scopes)

    def empty(self, entities: tuple[str, ...], keep: int = 0) -> dict[str, list[dict[str, Any]]]:
        """Remove records, and return them so that they can be put back."""
        taken = {entity: self.sandbox.world(TENANT_ID).records(entity)[keep:] for entity in entities}
        for entity, records in taken.items():
            for record in records:
                self.sandbox.delete(TENANT_ID, entity, record["id"])
        return taken

    def put_back(self, taken: dict[str, list[dict[str, Any]]]) -> None:
        for entity, records in taken.items():
            for record in records:
                self.sandbox.commit(TENANT_ID, entity, record, self.sandbox.now - timedelta(hours=1))


@pytest.fixture
def story(
    database: Database, sandbox: Sandbox, hook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Story]:
    """A synced tenant without problems."""
    quick = RetryPolicy(tries=12, first_wait=0.01, longest_wait=0.02, longest_named_wait=2.0, total_seconds=5.0)
    monkeypatch.setattr(client_module, "RetryPolicy", lambda: quick)
    settings = Settings.from_environment(
        {
            "ST_PIPELINE_HOME": str(tmp_path),
            "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
            "ST_PIPELINE_SANDBOX_URL": sandbox.url,
            "SERVICETITAN_APP_KEY": "ak1.acme",
        }
    )
    pipeline = Pipeline(settings, database, LandingZone(str(tmp_path / "landing")))
    with postgres.connect(database, application="tests", autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"truncate control.{table} cascade")  # pyright: ignore[reportArgumentType]
        for entity in ENTITIES:
            connection.execute(f"truncate raw.{entity}")  # pyright: ignore[reportArgumentType]
        with pipeline.registry() as registry:
            tenant = new_tenant(key="acme", tenant_id=TENANT_ID, environment="sandbox")
            registry.add(tenant, own_credentials("cid.acme", Secret(CANARY)))
        story = Story(pipeline, connection, sandbox, hook)
        assert story.sync()
        assert story.told() == []
        yield story
        for table in ("incidents", "alerts", "deliveries", "syncs", "sync_entities"):
            rows = connection.execute(f"select t::text from control.{table} t").fetchall()  # pyright: ignore
            assert CANARY not in str(rows) and HOOK_CANARY not in str(rows)


def recovers(story: Story, *rules: str) -> None:
    assert sorted((body["rule"], body["state"]) for body in story.told()) == [(rule, "recovered") for rule in rules]


def test_a_withdrawn_scope(story: Story) -> None:
    story.scopes(SCOPES - {"tn.crm.customers:r"})
    assert not story.sync()
    (told,) = story.told()
    assert (told["rule"], told["state"], told["severity"]) == ("scope_withdrawn", "opened", "now")
    assert (told["tenant"], told["entity"]) == ("acme", "crm_customers")
    assert "lost the permission tn.crm.customers:r" in told["what"]
    assert "developer portal" in told["advice"]
    assert told["link"].endswith("/runs/run-1")
    assert not story.sync() and story.told() == []
    story.scopes(SCOPES)
    assert story.sync()
    recovers(story, "scope_withdrawn")


def test_a_token_endpoint_that_answers_invalid_client(story: Story) -> None:
    story.sandbox.connect(TENANT_ID, connected=False)
    assert not story.sync()
    (told,) = story.told()
    assert (told["rule"], told["state"], told["severity"]) == ("credentials_refused", "opened", "now")
    assert (told["tenant"], told["entity"]) == ("acme", None)
    assert "no longer accepts the client secret" in told["what"]
    assert "generate a new client secret" in told["advice"] and "st-pipeline tenants rotate acme" in told["advice"]
    for _ in range(4):  # more failures in a row than a rule allows are a consequence
        assert not story.sync()
    story.later = timedelta(days=3)  # and so is stale data
    assert story.told() == []
    story.sandbox.connect(TENANT_ID)
    assert story.sync()
    recovers(story, "credentials_refused")


def test_an_api_that_answers_200_with_nothing(story: Story) -> None:
    taken = story.empty(ENTITIES)
    assert story.sync(full=True), "the sync itself succeeds"
    (told,) = story.told()
    assert (told["rule"], told["state"], told["severity"]) == ("nothing_sent", "opened", "now")
    assert all(entity in told["what"] for entity in ENTITIES)
    assert "reports no error but has stopped sending" in told["what"]
    assert "Credentials and permissions are fine" in told["advice"] and "loaded data is kept" in told["advice"]
    assert story.sync() and story.told() == []
    story.put_back(taken)
    assert story.sync(full=True)
    recovers(story, "nothing_sent")


def test_three_similar_failures_have_different_advice(story: Story) -> None:
    advice = set()
    story.scopes(SCOPES - {"tn.acc.invoices:r"})
    story.sync()
    advice.update(body["advice"] for body in story.told())
    story.scopes(SCOPES)
    story.empty(("crm_customers",))
    story.sync(full=True)
    advice.update(body["advice"] for body in story.told() if body["state"] == "opened")
    story.sandbox.connect(TENANT_ID, connected=False)
    story.sync()
    advice.update(body["advice"] for body in story.told() if body["state"] == "opened")
    assert len(advice) == 3


def test_an_api_that_is_down_fails_one_sync_and_then_several_in_a_row(story: Story) -> None:
    story.sandbox.faults = Faults(rate_5xx=1.0)
    assert not story.sync()
    (told,) = story.told()
    assert (told["rule"], told["severity"]) == ("failed_sync", "can_wait")
    for _ in range(3):
        assert not story.sync()
    (in_a_row,) = story.told()
    assert (in_a_row["rule"], in_a_row["severity"]) == ("failures_in_a_row", "now")
    story.later = timedelta(days=3)
    assert story.told() == [], "stale data and failed calls are consequences"
    story.sandbox.faults = Faults()
    assert story.sync()
    recovers(story, "failed_sync", "failures_in_a_row")
    assert story.sync() and story.told() == [], "the failed calls cause no later alert"


def test_an_api_that_is_down_for_many_tenants_is_alerted_once(story: Story) -> None:
    keys = [f"t{number}" for number in range(7)]
    with story.pipeline.registry() as registry:
        for number, key in enumerate(keys):
            tenant = new_tenant(key=key, tenant_id=2000 + number, environment="sandbox")
            registry.add(tenant, own_credentials("cid.acme", Secret(CANARY)))
    story.sandbox.faults = Faults(rate_5xx=1.0)
    for key in ("acme", *keys):
        request = SyncPlan(land=ENTITIES[:1], load=ENTITIES[:1], lock_wait_seconds=1)
        assert sync_tenant(story.pipeline, key, request, clock=story.now).failures
    (told,) = story.told()
    assert (told["rule"], told["tenant"], told["severity"]) == ("many_failing", None, "now")
    assert "Syncs are failing for 8 of 8 companies (acme, t0, t1," in told["what"]
    assert "status page" in told["advice"]
    story.sandbox.faults = Faults()
    assert story.sync()
    with story.pipeline.registry() as registry:
        for key in keys:
            registry.disable(key)
    recovers(story, "many_failing")


def test_reports_without_a_build(story: Story) -> None:
    story.connection.execute("update control.tenants set cadence = 'weekly'")
    story.connection.execute("delete from control.builds")
    assert story.told() == []
    story.later = timedelta(hours=7)
    (told,) = story.told()
    assert (told["rule"], told["tenant"], told["severity"]) == ("reports_behind", None, "now")
    assert "Reports do not show the newest data of 1 company yet" in told["what"]
    story.build()
    recovers(story, "reports_behind")
    for _ in range(2):
        story.later += timedelta(minutes=10)
        story.build(error="a check of invoices_stream failed")
    (told,) = story.told()
    assert "a check of invoices_stream failed" in told["what"] and told["link"].endswith("/runs/run-b")
    story.later += timedelta(minutes=10)
    story.build()
    recovers(story, "reports_behind")


def test_an_api_count_that_differs_from_raw(story: Story) -> None:
    def count() -> None:
        request = SyncPlan(land=ENTITIES, load=ENTITIES, full=True, run_id="run-1")
        outcome = sync_tenant(story.pipeline, "acme", request, clock=story.now)
        story.build()
        story.later += timedelta(minutes=1)
        if hidden:
            story.connection.execute("update raw.crm_customers set _deleted_at = now() where id = %s", (hidden,))
        with story.pipeline.client("acme") as client:
            count_after_sync(story.pipeline, "acme", client, outcome.entities.values(), story.now())

    hidden = story.sandbox.world(TENANT_ID).records("crm_customers")[0]["id"]
    count()
    (told,) = story.told()
    assert (told["rule"], told["entity"], told["severity"]) == ("reconciliation", "crm_customers", "now")
    assert "ServiceTitan has 60 records, but only 59 are loaded" in told["what"]
    hidden = None
    count()
    recovers(story, "reconciliation")


def test_calls_that_fail_too_often_although_the_sync_succeeds(story: Story) -> None:
    story.sandbox.faults = Faults(rate_5xx=0.25, seed=5)
    assert story.sync(full=True)
    (told,) = story.told()
    assert told["rule"] == "error_rate"
    story.sandbox.faults = Faults()
    assert story.sync(full=True)
    recovers(story, "error_rate")


def test_calls_that_are_refused_as_too_many(story: Story) -> None:
    story.sandbox.faults = Faults(rate_429=0.2, retry_after_seconds=0, seed=5)
    assert story.sync(full=True)
    (told,) = story.told()
    assert told["rule"] == "rate_limit"
    assert "rate limit (429)" in told["what"]
    story.sandbox.faults = Faults()
    assert story.sync(full=True)
    recovers(story, "rate_limit")


def test_records_that_cannot_be_typed(story: Story) -> None:
    story.sandbox.faults = Faults(untypable=0.3)
    assert story.sync(full=True)
    told = story.told()
    assert {body["rule"] for body in told} == {"quarantine"}
    assert {body["entity"] for body in told} <= set(ENTITIES)
    story.sandbox.faults = Faults()
    story.later = timedelta(days=8)
    assert story.sync(full=True)
    recovers(story, *["quarantine"] * len(told))


def test_an_unknown_field(story: Story) -> None:
    record = story.sandbox.world(TENANT_ID).records("crm_customers")[0]
    story.put_back({"crm_customers": [record | {"loyaltyTier": "gold"}]})
    assert story.sync(full=True)
    (told,) = story.told()
    assert (told["rule"], told["entity"], told["severity"]) == ("drift", "crm_customers", "can_wait")
    assert "loyaltyTier" in told["what"] and "_extra" in told["advice"]


def test_far_fewer_records_than_before(story: Story) -> None:
    taken = story.empty(("crm_customers",), keep=20)
    assert story.sync(full=True)
    (told,) = story.told()
    assert (told["rule"], told["entity"]) == ("drop", "crm_customers")
    assert "downloaded only 20 records; an earlier one downloaded 60" in told["what"]
    story.put_back(taken)
    assert story.sync(full=True)
    recovers(story, "drop")


def test_a_daemon_that_stopped(story: Story) -> None:
    story.later = timedelta(days=2)
    (told,) = story.told()
    assert (told["rule"], told["severity"]) == ("stale", "now")
    assert "check that the sync service is still running" in told["advice"]
    assert story.sync()
    recovers(story, "stale")


def test_credentials_that_grow_old(story: Story) -> None:
    story.later = timedelta(days=80)
    assert story.sync()
    (told,) = story.told()
    assert (told["rule"], told["severity"]) == ("credentials_old", "can_wait")
    story.connection.execute("update control.credentials set created_at = %s", (story.now(),))
    recovers(story, "credentials_old")


def test_rows_that_went_missing_between_file_and_table(story: Story) -> None:
    story.connection.execute(
        "update control.landed_files set loaded_rows = loaded_rows - 1 where entity = %s", ENTITIES[:1]
    )
    (told,) = story.told()
    assert (told["rule"], told["entity"], told["severity"]) == ("reconciliation", ENTITIES[0], "now")
    request = SyncPlan(land=(), load=ENTITIES[:1], reload=True)
    assert sync_tenant(story.pipeline, "acme", request).failures == []
    recovers(story, "reconciliation")


def test_a_tenant_that_never_connected(story: Story) -> None:
    with story.pipeline.registry() as registry:
        registry.add(
            new_tenant(key="bolt", tenant_id=1002, environment="sandbox"), own_credentials("cid.bolt", Secret(CANARY))
        )
    request = SyncPlan(land=ENTITIES, load=ENTITIES)
    assert sync_tenant(story.pipeline, "bolt", request, clock=story.now).failures
    assert story.told() == []
    story.later = timedelta(days=1, minutes=1)
    assert story.sync()
    (told,) = story.told()
    assert (told["rule"], told["tenant"], told["severity"]) == ("not_connected", "bolt", "can_wait")
    assert "connects the app" in told["advice"]


def test_configured_thresholds_apply(story: Story) -> None:
    story.alerting = replace(story.alerting, rules=replace(story.rules, drop=Drop(by=0.9, least_records=20)))
    story.empty(("crm_customers",), keep=20)
    assert story.sync(full=True)
    assert story.told() == []
