"""sync/entity.py: one entity is landed, loaded and judged; whatever goes wrong is in its outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.landing.hold import Hold, take
from st_pipeline.sandbox import Faults, Sandbox
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.steps.step import Do, Step
from st_pipeline.sync.entity import sync_entity
from st_pipeline.sync.outcome import EntityOutcome, Outcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.plan import SyncPlan

from .conftest import Changed
from .test_tenant import ids, sent

CUSTOMERS = "crm_customers"
BOTH = SyncPlan(land=(CUSTOMERS,), load=(CUSTOMERS,))


@pytest.fixture
def client(pipeline: Pipeline) -> Iterator[ServiceTitan]:
    client = pipeline.client("acme")
    yield client
    client.close()


def sync(
    pipeline: Pipeline,
    client: ServiceTitan | None,
    plan: SyncPlan = BOTH,
    key: str = "acme",
    entity: str = CUSTOMERS,
    hold: Hold | None = None,
) -> EntityOutcome:
    if hold is None:
        with postgres.connect(pipeline.database, autocommit=True) as connection:
            hold = take(connection, key)
    return sync_entity(pipeline, hold, entity, plan, client, pipeline.clock)


def test_an_entity_is_landed_loaded_and_counted(
    changed: Changed, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    told: list[tuple[str, str, str, int]] = []
    outcome = sync(changed(progress=lambda *what: told.append(what)), client)
    records = sent(sandbox, 1001, CUSTOMERS)
    assert (outcome.entity, outcome.outcome, outcome.error, outcome.is_failure) == (
        CUSTOMERS, Outcome.SUCCEEDED, None, False,
    )  # fmt: skip
    assert outcome.landed and outcome.landed.records == len(records)
    assert (outcome.loaded.rows, outcome.rows_in_raw) == (len(records), len(records))
    assert ids(connection, "acme", CUSTOMERS) == records
    assert sum(number for *_, stage, number in told if stage == "fetched") == len(records)
    assert {(tenant, entity) for tenant, entity, *_ in told} == {("acme", CUSTOMERS)}


def test_only_what_the_plan_names_is_landed_or_loaded(
    pipeline: Pipeline, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    landed = sync(pipeline, client, SyncPlan(land=(CUSTOMERS,), load=()))
    assert landed.landed and landed.landed.records
    assert (landed.loaded.rows, landed.rows_in_raw, ids(connection, "acme", CUSTOMERS)) == (0, None, [])
    calls = len(sandbox.calls)
    loaded = sync(pipeline, client, SyncPlan(land=(), load=(CUSTOMERS,)))
    assert len(sandbox.calls) == calls
    assert (loaded.landed, loaded.loaded.rows) == (None, landed.landed.records)
    assert ids(connection, "acme", CUSTOMERS) == sent(sandbox, 1001, CUSTOMERS)


def test_without_a_client_it_is_only_loaded(pipeline: Pipeline, sandbox: Sandbox) -> None:
    outcome = sync(pipeline, None)
    assert (outcome.outcome, outcome.landed, outcome.rows_in_raw) == (Outcome.SUCCEEDED, None, 0)
    assert not sandbox.calls


def test_a_reload_loads_what_was_loaded_before(
    pipeline: Pipeline, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sync(pipeline, client)
    connection.execute("truncate raw.crm_customers")
    load = SyncPlan(land=(), load=(CUSTOMERS,))
    assert sync(pipeline, None, load).rows_in_raw == 0
    assert sync(pipeline, None, replace(load, reload=True)).rows_in_raw == len(sent(sandbox, 1001, CUSTOMERS))


def test_a_full_read_marks_what_is_gone(
    pipeline: Pipeline, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sync(pipeline, client)
    sandbox.delete(1001, CUSTOMERS, sent(sandbox, 1001, CUSTOMERS)[0])
    outcome = sync(pipeline, client, replace(BOTH, full=True))
    assert outcome.judged and outcome.judged.marked == 1
    assert outcome.rows_in_raw == len(sent(sandbox, 1001, CUSTOMERS))
    assert ids(connection, "acme", CUSTOMERS) == sent(sandbox, 1001, CUSTOMERS)


def test_a_full_refresh_makes_up_for_a_landed_file_that_is_lost(
    pipeline: Pipeline, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sync(pipeline, client, SyncPlan(land=(CUSTOMERS,), load=()))
    ((path, records),) = connection.execute("select path, records from control.landed_files").fetchall()
    (Path(pipeline.zone.location) / path).unlink()
    sandbox.delete(1001, CUSTOMERS, sent(sandbox, 1001, CUSTOMERS)[0])
    changed = 999_999_999
    sandbox.commit(1001, CUSTOMERS, {"id": changed}, datetime.now(UTC) - timedelta(seconds=1))
    for _ in range(2):
        outcome = sync(pipeline, client)
        assert outcome.is_failure and outcome.error
        assert f"1 landed file cannot be read: {path} ({records} records that landed " in outcome.error
        assert outcome.error.endswith("it is not in the landing zone. All other files were loaded")
        assert outcome.steps == (Step(Do.FULL_REFRESH, CUSTOMERS),)
        assert ids(connection, "acme", CUSTOMERS) == [changed], "what came later is loaded"
    outcome = sync(pipeline, client, replace(BOTH, full=True))
    assert (outcome.outcome, outcome.error) == (Outcome.SUCCEEDED, None)
    assert outcome.judged and outcome.judged.refused is None
    assert ids(connection, "acme", CUSTOMERS) == sent(sandbox, 1001, CUSTOMERS)
    assert sync(pipeline, client).error is None


def test_a_missing_scope_is_no_call_and_names_the_scope_to_grant(pipeline: Pipeline, sandbox: Sandbox) -> None:
    client = pipeline.client("cole")
    try:
        plan = SyncPlan(land=("jpm_jobs",), load=("jpm_jobs",))
        outcome = sync(pipeline, client, plan, "cole", "jpm_jobs")
    finally:
        client.close()
    assert outcome.outcome is Outcome.NOT_GRANTED
    assert outcome.steps == (Step(Do.GRANT_SCOPE, "tn.jpm.jobs:r"),)
    assert outcome.error and outcome.error.startswith("cole jpm_jobs: ")
    assert outcome.rows_in_raw == 0, "what landed before is still loaded"
    assert not [call for call in sandbox.calls if "/jpm/" in call.path]


def test_an_api_in_trouble_fails_the_entity_and_leaves_what_was_loaded(
    pipeline: Pipeline, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sync(pipeline, client)
    sandbox.faults = Faults(rate_5xx=1.0)
    outcome = sync(pipeline, client)
    assert (outcome.outcome, outcome.is_failure) == (Outcome.FAILED, True)
    assert outcome.error and "acme" in outcome.error and CUSTOMERS in outcome.error
    assert outcome.rows_in_raw == len(sent(sandbox, 1001, CUSTOMERS))


def test_the_first_error_is_the_one_that_is_kept(
    pipeline: Pipeline, client: ServiceTitan, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    connection.execute("drop table raw.crm_customers")
    assert "raw.crm_customers" in (sync(pipeline, client).error or "")
    sandbox.faults = Faults(rate_5xx=1.0)
    error = sync(pipeline, client).error
    assert error and "raw.crm_customers" not in error


def test_a_database_that_is_not_there_is_an_outcome_and_no_exception(
    changed: Changed, client: ServiceTitan, caplog: pytest.LogCaptureFixture
) -> None:
    gone = changed(database=changed().database.with_name("nowhere"))
    outcome = sync(gone, client, hold=Hold("acme", 1))
    assert outcome.outcome is Outcome.FAILED
    assert outcome.error and outcome.error.startswith("acme crm_customers: ") and "\n" not in outcome.error
    assert outcome.error in caplog.text or "nowhere" in caplog.text


def test_an_entity_that_the_catalog_lacks_is_an_outcome_and_no_exception(pipeline: Pipeline) -> None:
    outcome = sync(pipeline, None, entity="crm_unicorns")
    assert (outcome.entity, outcome.outcome) == ("crm_unicorns", Outcome.FAILED)
    assert outcome.error and "crm_unicorns" in outcome.error
