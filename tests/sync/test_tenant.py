"""One sync of one tenant, over HTTP against the sandbox: everything arrives, or the sync says what is missing."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.sandbox import Faults, Sandbox
from st_pipeline.schedule.tenant_states import read_states
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.step import Do, Step
from st_pipeline.sync import tenant as tenant_module
from st_pipeline.sync.outcome import Outcome, TenantOutcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import new_parts
from st_pipeline.tenants.model import Status
from tests.support.waiting import PATIENCE_SECONDS

from .conftest import CANARY_APP_KEY, CANARY_SECRET, Changed

ALL = SyncPlan(land=ASSET_ENTITIES, load=ASSET_ENTITIES)
SOME = ("crm_customers", "accounting_invoices", "jpm_job_types")


def request(*entities: str, **changes: Any) -> SyncPlan:
    return dataclasses.replace(SyncPlan(land=entities, load=entities), **changes)


def history(connection: psycopg.Connection, outcome: TenantOutcome) -> dict[str, Any]:
    """The row of the sync, its entities by name under ``entities`` and its calls under ``calls``."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("select * from control.syncs where id = %s", (outcome.sync_id,)).fetchone()
        assert row
        entities = cursor.execute(
            "select * from control.sync_entities where sync_id = %s", (outcome.sync_id,)
        ).fetchall()
        calls = cursor.execute("select * from control.api_calls where sync_id = %s", (outcome.sync_id,)).fetchall()
    return row | {"entities": {e["entity"]: e for e in entities}, "calls": calls}


def ids(connection: psycopg.Connection, tenant: str, entity: str) -> list[int]:
    statement = sql.SQL("select id from {} where tenant = %s and _deleted_at is null order by 1")
    rows = connection.execute(statement.format(sql.Identifier("raw", entity)), (tenant,)).fetchall()
    return [row[0] for row in rows]


def sent(sandbox: Sandbox, tenant_id: int, entity: str) -> list[int]:
    return sorted(record["id"] for record in sandbox.world(tenant_id).records(entity))


def test_everything_the_api_has_is_in_raw_and_the_history_adds_up(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    outcome = sync_tenant(pipeline, "acme", dataclasses.replace(ALL, run_id="run-1"))
    assert outcome.failures == []
    assert list(outcome.entities) == list(ASSET_ENTITIES)
    for entity in ASSET_ENTITIES:
        assert ids(connection, "acme", entity) == sent(sandbox, 1001, entity) != []
    row = history(connection, outcome)
    assert (row["tenant"], row["run_id"], row["outcome"], row["error"], row["is_full"]) == (
        "acme", "run-1", "succeeded", None, False,
    )  # fmt: skip
    assert row["finished_at"] >= row["started_at"]
    for entity, counts in row["entities"].items():
        total = len(sent(sandbox, 1001, entity))
        assert (counts["outcome"], counts["fetched"], counts["landed"], counts["files"]) == (
            "succeeded",
            total,
            total,
            1,
        )
        assert counts["loaded"] + counts["quarantined_whole"] == total
        assert counts["api_total"] in (None, total)
    assert sum(call["calls"] for call in row["calls"]) == len(sandbox.calls)
    with pipeline.registry() as registry:
        assert registry.get("acme").status is Status.CONNECTED


def test_a_second_sync_brings_what_changed_and_nothing_else(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sync_tenant(pipeline, "acme", request(*SOME))
    unchanged = sync_tenant(pipeline, "acme", request(*SOME))
    assert [o.loaded.rows for o in unchanged.entities.values()][:2] == [0, 0]
    changed = sandbox.change(1001, 3, edits=5, additions=4, entities=["accounting_invoices"])
    sandbox.advance(20 * 60)
    outcome = sync_tenant(pipeline, "acme", request(*SOME))
    invoices = {*changed.edits["accounting_invoices"], *changed.additions["accounting_invoices"]}
    assert outcome.entities["accounting_invoices"].loaded.rows == len(invoices)
    assert ids(connection, "acme", "accounting_invoices") == sent(sandbox, 1001, "accounting_invoices")


def test_the_same_ids_in_two_tenants_stay_two_rows(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    for key in ("acme", "bolt"):
        assert sync_tenant(pipeline, key, request("crm_customers")).failures == []
    assert ids(connection, "acme", "crm_customers") == ids(connection, "bolt", "crm_customers")
    names = "select array_agg(name order by id) from raw.crm_customers group by tenant"
    one, two = connection.execute(names).fetchall()
    assert one != two


def test_what_is_not_granted_is_skipped_with_its_scope_and_fails_only_where_it_is_needed(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    outcome = sync_tenant(pipeline, "cole", ALL)
    assert outcome.entities["jpm_jobs"].outcome is Outcome.NOT_GRANTED
    assert outcome.entities["jpm_jobs"].error == "cole jpm_jobs: the app does not have the permission tn.jpm.jobs:r"
    assert outcome.problems == ["cole jpm_appointments: the app does not have the permission tn.jpm.appointments:r"]
    assert "Add the permission tn.jpm.appointments:r to the app" in outcome.failures[0]
    assert ids(connection, "cole", "crm_customers") == sent(sandbox, 1003, "crm_customers")
    row = history(connection, outcome)
    assert (row["outcome"], row["error"]) == ("failed", outcome.problems[0])
    assert row["entities"]["jpm_jobs"]["outcome"] == "not_granted"
    assert row["entities"]["jpm_jobs"]["detail"] == "cole jpm_jobs: the app does not have the permission tn.jpm.jobs:r"
    assert not [call for call in sandbox.calls if call.status == 403]
    without = sync_tenant(pipeline, "cole", request("crm_customers", "jpm_jobs"))
    assert without.failures == []
    assert history(connection, without)["outcome"] == "succeeded"


def test_a_tenant_that_is_not_connected_says_so_and_comes_in_later(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    outcome = sync_tenant(pipeline, "dale", request(*SOME))
    assert outcome.problems == [outcome.error]
    assert (outcome.error or "").startswith("dale: not connected yet. ")
    assert outcome.entities == {}
    assert outcome.steps == (Step(Do.CONNECT_APP), Step(Do.ENTER_CREDENTIALS))
    row = history(connection, outcome)
    assert (row["error"], row["own_error"]) == (outcome.error, outcome.error)
    assert row["steps"] == [{"do": "connect_app"}, {"do": "enter_credentials"}]
    with pipeline.registry() as registry:
        assert registry.get("dale").status is Status.NOT_CONNECTED
    sandbox.connect(1004)
    assert sync_tenant(pipeline, "dale", request(*SOME)).failures == []


def test_keys_that_were_refused_need_a_person(pipeline: Pipeline, connection: psycopg.Connection) -> None:
    sync_tenant(pipeline, "acme", request("jpm_job_types"))
    with pipeline.registry() as registry:
        registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.canary-wrong")))
    outcome = sync_tenant(pipeline, "acme", request("jpm_job_types"))
    assert (outcome.error or "").startswith("acme: rejected by ServiceTitan. ")
    assert outcome.steps == (Step(Do.GENERATE_SECRET), Step(Do.ENTER_SECRET))
    assert "canary" not in str(history(connection, outcome))


def test_an_api_that_does_not_answer_is_worth_another_try(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sandbox.faults = Faults(rate_5xx=1.0)
    outcome = sync_tenant(pipeline, "acme", request(*SOME))
    assert (outcome.error or "").startswith("acme: ServiceTitan not responding. ")
    assert history(connection, outcome)["outcome"] == "failed"
    assert {call["status"] for call in history(connection, outcome)["calls"]} & {500, 502, 503, 504}
    sandbox.faults = Faults()
    assert sync_tenant(pipeline, "acme", request(*SOME)).failures == []


def test_a_firewall_makes_every_tenant_unreachable_and_refuses_no_credentials(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    assert sync_tenant(pipeline, "acme", request("jpm_job_types")).failures == []
    sandbox.faults = Faults(rate_firewall=1.0)
    for key in ("acme", "bolt"):  # one has connected before, one never has
        outcome = sync_tenant(pipeline, key, request("jpm_job_types"))
        assert "HTTP 403 with a response of type text/html that is not from ServiceTitan" in (outcome.error or "")
        assert outcome.steps == (Step(Do.CHECK_FIREWALL), Step(Do.TEST_CONNECTION))
        with pipeline.registry() as registry:
            assert registry.get(key).status is Status.UNREACHABLE
        assert not read_states(connection)[key].last_failure_is_permanent
    sandbox.faults = Faults()
    assert sync_tenant(pipeline, "bolt", request("jpm_job_types")).failures == []


def test_a_wrong_tenant_id_is_told_once_with_all_it_concerns(
    pipeline: Pipeline, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.execute("update control.tenants set tenant_id = 77 where key = 'acme'")
    outcome = sync_tenant(pipeline, "acme", ALL)
    (failure,) = outcome.failures
    assert failure.startswith("acme: ServiceTitan returned 404 Not Found; tenant id 77 is wrong")
    assert f"for {len(ASSET_ENTITIES)} record types: {', '.join(ASSET_ENTITIES)}. " in failure
    assert failure.endswith("Check that the credentials belong to this tenant id.")
    assert caplog.text.count("tenant id 77 is wrong") == 1
    row = history(connection, outcome)
    assert row["error"].count("tenant id 77 is wrong") == 1
    assert {entity["steps"][0]["do"] for entity in row["entities"].values()} == {"check_tenant_id"}


def test_a_sandbox_that_is_not_running_says_how_to_start_it(changed: Changed, pipeline: Pipeline) -> None:
    nowhere = dataclasses.replace(pipeline.settings, sandbox_url="http://127.0.0.1:9")
    outcome = sync_tenant(changed(settings=nowhere), "acme", request(*SOME))
    (failure,) = outcome.failures
    assert "The sandbox does not answer at http://127.0.0.1:9 (connection refused or dropped, 2 tries" in failure
    assert "run st-pipeline up --sandbox, or st-pipeline sandbox" in failure
    assert "status page" not in failure


def test_what_came_before_an_api_fell_silent_is_loaded_and_the_next_sync_goes_on(
    changed: Changed, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    def silence(tenant: str, entity: str, stage: str, records: int) -> None:
        if stage == "fetched":
            sandbox.faults = Faults(rate_5xx=1.0)

    outcome = sync_tenant(changed(progress=silence), "acme", request("accounting_invoices"))
    (failure,) = outcome.failures
    assert "accounting_invoices" in failure and "acme" in failure
    came = outcome.entities["accounting_invoices"].loaded.rows
    assert came in (15, 30), "a page, or two where the second was asked for while the first was typed"
    assert len(ids(connection, "acme", "accounting_invoices")) == came
    sandbox.faults = Faults()
    again = sync_tenant(changed(), "acme", request("accounting_invoices"))
    assert again.failures == []
    assert again.entities["accounting_invoices"].loaded.rows == len(sent(sandbox, 1001, "accounting_invoices")) - came
    assert ids(connection, "acme", "accounting_invoices") == sent(sandbox, 1001, "accounting_invoices")


def test_one_entitys_failure_leaves_the_others_loaded_and_makes_the_sync_fail(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    connection.execute("drop table raw.jpm_jobs")
    outcome = sync_tenant(pipeline, "acme", ALL)
    (failure,) = outcome.failures
    assert failure.startswith("acme jpm_jobs: ") and "raw.jpm_jobs" in failure and "\n" not in failure
    assert outcome.entities["jpm_jobs"].outcome is Outcome.FAILED
    for entity in set(ASSET_ENTITIES) - {"jpm_jobs"}:
        assert ids(connection, "acme", entity) == sent(sandbox, 1001, entity)
    row = history(connection, outcome)
    assert (row["outcome"], row["error"]) == ("failed", failure)
    assert row["entities"]["jpm_jobs"]["outcome"] == "failed"


def test_a_connection_that_is_cut_while_landing_fails_that_entity_for_that_reason_and_nothing_is_lost(
    changed: Changed, pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    def cut(tenant: str, entity: str, stage: str, records: int) -> None:
        if (entity, stage) == ("crm_customers", "fetched"):
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s",
                ("st-pipeline sync acme crm_customers%",),
            )

    outcome = sync_tenant(changed(progress=cut), "acme", request(*SOME))
    (failure,) = outcome.failures
    assert failure.startswith("acme crm_customers: terminating connection"), "not that it is closed, which came of it"
    for entity in set(SOME) - {"crm_customers"}:
        assert ids(connection, "acme", entity) == sent(sandbox, 1001, entity)
    assert sync_tenant(pipeline, "acme", request(*SOME)).failures == []
    assert ids(connection, "acme", "crm_customers") == sent(sandbox, 1001, "crm_customers")


def test_records_that_cannot_be_typed_stop_nobody_and_add_up(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sandbox.faults = Faults(untypable=0.5)
    outcome = sync_tenant(pipeline, "acme", ALL)
    assert outcome.failures == []
    row = history(connection, outcome)["entities"]
    quarantine = dict(
        connection.execute(
            "select entity, count(*) filter (where field is null) from control.quarantine group by 1"
        ).fetchall()
    )
    for entity in ASSET_ENTITIES:
        counts, total = row[entity], sandbox.world(1001).count(entity)
        assert counts["loaded"] + counts["quarantined_whole"] == counts["fetched"] == total, entity
        assert counts["quarantined_whole"] == quarantine.get(entity, 0)
    assert sum(counts["quarantined_whole"] for counts in row.values()) > 5
    assert sum(counts["quarantined_fields"] for counts in row.values()) > 20


def test_a_full_sync_marks_what_is_gone(pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection) -> None:
    sync_tenant(pipeline, "acme", request("crm_customers"))
    gone = sent(sandbox, 1001, "crm_customers")[:2]
    for record_id in gone:
        sandbox.delete(1001, "crm_customers", record_id)
    outcome = sync_tenant(pipeline, "acme", request("crm_customers", full=True))
    assert outcome.failures == []
    assert ids(connection, "acme", "crm_customers") == sent(sandbox, 1001, "crm_customers")
    marked = connection.execute("select array_agg(id order by id) from raw.crm_customers where _deleted_at is not null")
    assert marked.fetchone() == (gone,)
    row = history(connection, outcome)
    assert (row["is_full"], row["entities"]["crm_customers"]["deleted"]) == (True, 2)


def test_a_disabled_tenant_takes_no_part_but_what_it_landed_can_be_loaded(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    sync_tenant(pipeline, "acme", request("crm_customers"))
    with pipeline.registry() as registry:
        registry.disable("acme")
    calls = len(sandbox.calls)
    outcome = sync_tenant(pipeline, "acme", request("crm_customers"))
    assert outcome.failures == ["acme is disabled. To turn its syncs back on, run st-pipeline tenants enable acme."]
    connection.execute("truncate raw.crm_customers")
    again = sync_tenant(pipeline, "acme", SyncPlan(land=(), load=("crm_customers",), reload=True))
    assert again.failures == []
    assert ids(connection, "acme", "crm_customers") == sent(sandbox, 1001, "crm_customers")
    assert len(sandbox.calls) == calls


def test_landing_alone_loads_nothing(pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection) -> None:
    outcome = sync_tenant(pipeline, "acme", SyncPlan(land=("crm_customers",), load=()))
    landed = outcome.entities["crm_customers"].landed
    assert landed and landed.records == sandbox.world(1001).count("crm_customers")
    assert ids(connection, "acme", "crm_customers") == []


def test_a_tenant_that_nobody_registered_is_an_error_in_words(pipeline: Pipeline) -> None:
    outcome = sync_tenant(pipeline, "acne", request("crm_customers"))
    assert "acne" in (outcome.error or "") and "acme" in (outcome.error or "")


def test_a_second_sync_is_told_who_holds_the_tenant(pipeline: Pipeline, sandbox: Sandbox) -> None:
    with tenant_lock(pipeline.database, "acme", "run 0a1b2c3d", wait_seconds=0):
        outcome = sync_tenant(pipeline, "acme", request("crm_customers", lock_wait_seconds=0.0))
        assert sync_tenant(pipeline, "bolt", request("crm_customers", lock_wait_seconds=0.0)).failures == []
    assert "run 0a1b2c3d" in (outcome.error or "") and (outcome.error or "").startswith("tenant acme is being synced")
    assert outcome.sync_id is None


def test_two_syncs_at_once_run_one_after_the_other(
    changed: Changed, sandbox: Sandbox, connection: psycopg.Connection
) -> None:
    begun = threading.Event()
    outcomes: list[TenantOutcome] = []

    def run(pipeline: Pipeline) -> None:
        outcomes.append(sync_tenant(pipeline, "acme", request("crm_customers", lock_wait_seconds=PATIENCE_SECONDS)))

    first = threading.Thread(target=run, args=(changed(progress=lambda *_: begun.set()),))
    first.start()
    assert begun.wait(PATIENCE_SECONDS)
    run(changed())
    first.join()
    assert [outcome.failures for outcome in outcomes] == [[], []]
    one, two = sorted((history(connection, outcome) for outcome in outcomes), key=lambda row: row["id"])
    assert one["finished_at"] <= two["started_at"]
    assert (one["entities"]["crm_customers"]["fetched"], two["entities"]["crm_customers"]["fetched"]) == (
        sandbox.world(1001).count("crm_customers"), 0,
    )  # fmt: skip


Breaking = Callable[[Pipeline], Pipeline]
BROKEN: dict[str, Breaking] = {
    "a vault key that is none": lambda p: dataclasses.replace(
        p, settings=dataclasses.replace(p.settings, secret_keys=(Secret("canary-key"),))
    ),
    "a sandbox URL that is none": lambda p: dataclasses.replace(
        p, settings=dataclasses.replace(p.settings, sandbox_url="nowhere")
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_setting_that_keeps_a_sync_from_beginning_is_a_failure_in_the_history_too(
    what: str, pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    outcome = sync_tenant(BROKEN[what](pipeline), "acme", request("crm_customers"))
    assert outcome.error and "acme" in outcome.error and "canary" not in outcome.error
    row = history(connection, outcome)
    assert (row["outcome"], row["error"]) == ("failed", outcome.error)


def test_an_interrupted_sync_is_no_success_in_the_history_and_the_lock_is_free(
    pipeline: Pipeline, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tenant_module.TenantSync, "_sync_entities", interrupted)
        sync_tenant(pipeline, "acme", request("crm_customers"))
    rows = connection.execute("select outcome, error from control.syncs").fetchall()
    assert rows == [("failed", "acme: the sync was interrupted; the next one continues where it stopped")]
    assert sync_tenant(pipeline, "acme", request("crm_customers", lock_wait_seconds=0.0)).failures == []


def test_progress_is_told_for_every_entity_until_it_is_done(changed: Changed, sandbox: Sandbox) -> None:
    told: list[tuple[str, str, str, int]] = []
    sync_tenant(changed(progress=lambda *what: told.append(what)), "acme", request(*SOME))
    for entity in SOME:
        count = sandbox.world(1001).count(entity)
        mine = [(stage, records) for tenant, e, stage, records in told if (tenant, e) == ("acme", entity)]
        assert sum(records for stage, records in mine if stage == "fetched") == count
        assert sum(records for stage, records in mine if stage == "loaded") == count
        assert mine[-1] == ("done", 0)


def test_no_secret_gets_into_history_logs_or_outcomes(
    pipeline: Pipeline, sandbox: Sandbox, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    texts = [repr(sync_tenant(pipeline, key, request(*SOME))) for key in ("acme", "cole", "dale")]
    sandbox.faults = Faults(rate_5xx=1.0)
    texts.append(repr(sync_tenant(pipeline, "bolt", request(*SOME))))
    tables = [sql.Identifier(t) for t in ("syncs", "sync_entities", "api_calls", "tenants", "landed_files", "cursors")]
    question = sql.SQL("select * from control.{}")
    texts += [str(connection.execute(question.format(table)).fetchall()) for table in tables]
    for text in [*texts, caplog.text]:
        assert CANARY_SECRET not in text and CANARY_APP_KEY not in text
    assert "acme" in texts[0] and len(caplog.text) > 100
