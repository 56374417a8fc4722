"""The upkeep job: every step reports what it did, and a failed step doesn't stop the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from st_pipeline import postgres
from st_pipeline.defs.upkeep import StepDone, nightly_upkeep, run_upkeep, upkeep, weekly_rereads
from st_pipeline.landing import compaction
from st_pipeline.landing.zone import LandingZone
from st_pipeline.schedule.weekly_full_reads import WEEK, hour_before
from st_pipeline.secret import Secret
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import new_tenant
from st_pipeline.warehouse import vacuum
from tests.conftest import NewWarehouse

from .conftest import ACCOUNTS

CONTACTS = "crm_customer_contacts"
DAY = timedelta(days=1)
STEPS = {
    "expire_landed_files",
    "compact_landed_files",
    "delete_runs",
    "roll_up_history",
    "vacuum_tables",
    "ask_for_whole_readings",
}


@pytest.fixture(scope="module")
def synced(pipeline: Pipeline, new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A separate warehouse with alpha read twice, so that its month has two files of contacts."""
    own = replace(pipeline, database=new_warehouse(), zone=LandingZone(str(tmp_path_factory.mktemp("landing"))))
    account = ACCOUNTS[0]
    with own.registry() as registry:
        tenant = new_tenant(key="alpha", tenant_id=account.tenant_id, environment="sandbox")
        secrets = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
        registry.add(tenant, secrets)
    for full in (False, True):
        outcome = sync_tenant(own, "alpha", SyncPlan(land=[CONTACTS], load=[CONTACTS], full=full))
        assert outcome.failures == []
    return own


def later(pipeline: Pipeline, days: int, **settings: int | None) -> Pipeline:
    """The pipeline, this many days from now."""
    now = datetime.now(UTC) + days * DAY
    return replace(pipeline, clock=lambda: now, settings=replace(pipeline.settings, **settings))


def files(pipeline: Pipeline) -> list[tuple[str, bool]]:
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        return connection.execute(
            "select path, expired_at is not null from control.landed_files where tenant = 'alpha' and entity = %s "
            "order by id", (CONTACTS,)
        ).fetchall()  # fmt: skip


def by_name(steps: list[StepDone]) -> dict[str, StepDone]:
    assert len(steps) == len(STEPS)
    return {step.step: step for step in steps}


def test_a_failed_step_does_not_stop_the_others_and_fails_the_run(
    synced: Pipeline, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*given: object, **named: object) -> None:
        raise ConnectionError("the server went away")

    def complains(*given: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(vacuum, "read_advice", breaks)
    monkeypatch.setattr(compaction, "join", complains)
    before = files(synced)
    steps = by_name(run_upkeep(instance, later(synced, 70, keep_runs_days=None)))
    assert steps.keys() == STEPS
    assert {step.step for step in steps.values() if step.error} == {"vacuum_tables", "compact_landed_files"}
    assert "the server went away" in str(steps["vacuum_tables"].error)
    assert steps["compact_landed_files"].error == f"alpha {CONTACTS}: disk full"
    assert steps["compact_landed_files"].metadata["files_after"] == 0
    assert steps["ask_for_whole_readings"].metadata == {"tenants": ["alpha"]}
    assert files(synced) == before
    (run,) = instance.get_runs(dg.RunsFilter(job_name="upkeep"), limit=1)
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_every_step_does_its_work_and_reports_it(synced: Pipeline, instance: dg.DagsterInstance) -> None:
    steps = by_name(run_upkeep(instance, later(synced, 70, keep_runs_days=None)))
    assert [step.error for step in steps.values()] == [None] * len(STEPS)
    assert steps["compact_landed_files"].metadata["files_before"] == 2
    assert steps["compact_landed_files"].metadata["files_after"] == 1
    assert len({path for path, _ in files(synced)}) == 1
    assert steps["expire_landed_files"].metadata == {
        "did": "nothing, because ST_PIPELINE_KEEP_LANDED_DAYS is set to never"
    }
    assert steps["delete_runs"].metadata == {"did": "nothing, because ST_PIPELINE_KEEP_RUNS_DAYS is set to never"}
    assert steps["roll_up_history"].metadata == {"syncs": 0, "tenants": 0, "incidents": 0}
    assert steps["vacuum_tables"].metadata == {"done": [], "to_do": []}
    assert steps["ask_for_whole_readings"].metadata == {"tenants": []}, "already requested"


def test_files_expire_if_configured(synced: Pipeline, instance: dg.DagsterInstance) -> None:
    steps = by_name(run_upkeep(instance, later(synced, 70, keep_landed_days=60, keep_runs_days=90)))
    assert steps["expire_landed_files"].metadata["records"] > 0
    assert [expired for _, expired in files(synced)] == [True, True]
    assert steps["delete_runs"].metadata == {"runs": 0, "kept_as_latest": 0, "has_more": False}
    outcome = sync_tenant(synced, "alpha", SyncPlan(land=[], load=[CONTACTS], reload=True))
    assert f"st-pipeline sync alpha --entity {CONTACTS} --full" in outcome.failures[0]
    assert sync_tenant(synced, "alpha", SyncPlan(land=[CONTACTS], load=[CONTACTS], full=True)).failures == []
    assert sync_tenant(synced, "alpha", SyncPlan(land=[], load=[CONTACTS], reload=True)).failures == []


def test_the_sensor_requests_full_refreshes_once(synced: Pipeline) -> None:
    with postgres.connect(synced.database, autocommit=True) as connection:
        connection.execute("delete from control.sync_requests")
    at = hour_before("alpha", datetime.now(UTC) + 3 * WEEK)
    moved = replace(synced, clock=lambda: at)

    def look() -> str:
        with dg.build_sensor_context(resources={"pipeline": moved}) as context:
            said = weekly_rereads(context)
        assert isinstance(said, dg.SkipReason)
        return str(said.skip_message)

    assert look() == "full refresh requested for 1 tenants: alpha"
    assert look() == "full refresh requested for 0 tenants: none"


def test_it_runs_every_night_in_process_from_the_first_deploy_on() -> None:
    assert nightly_upkeep.cron_schedule == "20 3 * * *"
    assert nightly_upkeep.default_status is dg.DefaultScheduleStatus.RUNNING
    assert weekly_rereads.default_status is dg.DefaultSensorStatus.RUNNING
    assert (weekly_rereads.minimum_interval_seconds or 3600) < 3600
    assert upkeep.executor_def is dg.in_process_executor
    assert {node.name for node in upkeep.nodes} == STEPS
