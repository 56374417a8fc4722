"""defs/local_runs.py: what happens to a run whose process died."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from st_pipeline.defs import local_runs
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.run_lock import run_lock

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def gone(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    """A command's run whose machine died; its tag may name a process that exists here."""
    run = dg.DagsterRun("sync_tenant", tags={INTERACTIVE_TAG: "another-machine:1"}, status=STARTED)
    instance.add_run(run)
    yield run
    instance.delete_run(run.run_id)


def test_a_run_that_nobody_locks_is_reported_as_failed(
    instance: dg.DagsterInstance, pipeline: Pipeline, gone: dg.DagsterRun
) -> None:
    daemons = dg.DagsterRun("sync_tenant", status=STARTED)
    instance.add_run(daemons)
    with local_runs.interactive_run(pipeline) as (run_id, tag):
        instance.add_run(dg.DagsterRun("upkeep", run_id=run_id, tags=tag, status=STARTED))
        local_runs.open_instance(pipeline.settings).dispose()
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses[gone.run_id] is dg.DagsterRunStatus.FAILURE
    assert statuses[run_id] is STARTED
    assert statuses[daemons.run_id] is STARTED
    assert [run.run_id for run in local_runs.orphans(instance, pipeline.database)] == [run_id], "it has ended"
    for run in (run_id, daemons.run_id):
        instance.delete_run(run)


def test_a_commands_run_and_its_step_hold_the_same_lock(pipeline: Pipeline) -> None:
    with local_runs.interactive_run(pipeline) as (run_id, _), run_lock(pipeline.database, run_id):
        pass
