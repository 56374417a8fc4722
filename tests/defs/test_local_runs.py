"""defs/local_runs.py: what happens to a run whose process died."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import dagster as dg

from st_pipeline.defs import local_runs
from st_pipeline.failures import INTERACTIVE_TAG
from st_pipeline.sync.pipeline import Pipeline


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_run_of_a_process_that_is_gone_is_reported_as_failed(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    started = dg.DagsterRunStatus.STARTED
    gone = dg.DagsterRun(
        "sync_tenant", tags={INTERACTIVE_TAG: f"{socket.gethostname()}:{dead_process()}"}, status=started
    )
    ours = dg.DagsterRun("sync_tenant", tags={INTERACTIVE_TAG: local_runs.owner()}, status=started)
    daemons = dg.DagsterRun("sync_tenant", status=started)
    for run in (gone, ours, daemons):
        instance.add_run(run)
    local_runs.open_instance(pipeline.settings).dispose()
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses[gone.run_id] is dg.DagsterRunStatus.FAILURE
    assert statuses[ours.run_id] is dg.DagsterRunStatus.STARTED
    assert statuses[daemons.run_id] is dg.DagsterRunStatus.STARTED
    for run in (ours, daemons):
        instance.delete_run(run.run_id)


def test_only_a_dead_process_of_this_machine_is_an_orphan() -> None:
    host = socket.gethostname()
    assert local_runs.is_orphan(f"{host}:{dead_process()}")
    assert not local_runs.is_orphan(f"{host}:{os.getpid()}")
    assert not local_runs.is_orphan(f"{host}:1")
    assert not local_runs.is_orphan(f"another-machine:{dead_process()}")
    assert not local_runs.is_orphan(None)
    assert not local_runs.is_orphan("nonsense")
