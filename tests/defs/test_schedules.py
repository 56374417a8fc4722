"""defs/schedules.py: which tenants the schedule launches, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg

from st_pipeline import postgres
from st_pipeline.defs.schedules import due_syncs
from st_pipeline.history import recorder
from st_pipeline.sync.pipeline import Pipeline

from .launching import due, succeed, tenants_of


def test_a_synced_tenant_is_due_the_next_night_and_partial_syncs_do_not_count(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    succeed(control, "alpha", now)
    succeed(control, "beta", now, partial=True)
    assert [tenants_of(each) for each in due(empty, pipeline, now + timedelta(minutes=1))] == [("beta", "beta")]
    control.execute("delete from control.launches")
    # At noon, whenever the test runs: shortly after two, a tenant waits for its own delay.
    noon = (now + timedelta(days=2)).replace(hour=12)
    assert [tenants_of(each) for each in due(empty, pipeline, noon)] == [("alpha", "beta")]


def test_a_disabled_tenant_is_not_due(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    with pipeline.registry() as registry:
        registry.disable("beta")
        try:
            assert [tenants_of(each) for each in due(empty, pipeline, datetime.now(UTC))] == [("alpha", "alpha")]
        finally:
            registry.enable("beta")


def test_when_nothing_is_due_the_schedule_says_so(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    for key in ("alpha", "beta"):
        succeed(control, key, now)
    context = dg.build_schedule_context(instance=empty, scheduled_execution_time=now, resources={"pipeline": pipeline})
    (skipped,) = due_syncs(context)  # type: ignore[call-overload]
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "3 tenants, 0 due, no new runs needed"


def test_a_tick_that_comes_late_looks_at_what_is_due_by_then(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    """The daemon catches up on ticks; their time says nothing of what has become due since."""
    long_ago = datetime.now(UTC) - timedelta(days=3)
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        for key in ("alpha", "beta"):
            sync_id = recorder.record_start(connection, key, None, long_ago, full=False)
            recorder.record_finish(connection, sync_id, key, long_ago, error=None, entities=[], calls=[])
    assert [tenants_of(each) for each in due(empty, pipeline, long_ago)] == [("alpha", "beta")]


def test_every_request_says_that_the_run_is_to_look_again_whether_it_is_due(
    empty: dg.DagsterInstance, pipeline: Pipeline, control: psycopg.Connection
) -> None:
    (request,) = due(empty, pipeline, datetime.now(UTC))
    assert request.run_config == {"ops": {"sync": {"config": {"if_due": True}}}}
    assert request.tags["dagster/max_retries"] == "0"
    assert int(request.tags["dagster/priority"]) == 0
