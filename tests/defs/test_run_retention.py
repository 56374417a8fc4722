"""Old runs are deleted with events and logs, on a real Postgres, and no partition loses its materialized state."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from st_pipeline import dagster_home, postgres
from st_pipeline.defs import local_runs, run_retention
from st_pipeline.defs.run_retention import Deleted, delete_old_runs, latest_runs
from st_pipeline.settings import PROJECT_ROOT, Settings

KEEP = timedelta(days=90)
PARTITIONS = dg.StaticPartitionsDefinition(["acme", "bolt", "cole"])


@dg.asset(partitions_def=PARTITIONS)
def table() -> None:
    """One materialization per tenant."""


@dg.asset
def report() -> None:
    """One materialization for all tenants."""


@dg.asset
def broken() -> None:
    raise ValueError("never works")


@pytest.fixture(scope="module")
def shared_instance(server_settings: Settings) -> Iterator[dg.DagsterInstance]:
    """An instance whose runs only these tests need."""
    before = dict(os.environ)
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-retention-"))
    database = postgres.warehouse(server_settings).with_name("retention_dagster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dagster_home, "INSTANCE_FILE", PROJECT_ROOT / "dagster.yaml")  # with the output of steps on disk
        opened = local_runs.open_instance(
            Settings.from_environment(
                {
                    "ST_PIPELINE_HOME": str(home),
                    "ST_PIPELINE_DSN": database.with_name("warehouse").url().reveal(),
                    "ST_PIPELINE_DAGSTER_DSN": database.url().reveal(),
                }
            )
        )
    yield opened
    opened.dispose()
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(home)


@pytest.fixture
def instance(shared_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """The instance, emptied."""
    for run in shared_instance.get_runs():
        shared_instance.delete_run(run.run_id)
    return shared_instance


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, partition: str | None = None) -> str:
    """The id of a finished run."""
    return dg.materialize([asset], partition_key=partition, instance=instance, raise_on_error=False).run_id


def later() -> datetime:
    """A time when runs that ended so far are just older than KEEP."""
    return datetime.now(UTC) + KEEP


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return {each.run_id for each in instance.get_runs()}


def materialized(instance: dg.DagsterInstance) -> set[str]:
    """Partitions with a materialization according to the events.

    The UI shows a cached state, but rebuilds it from the events when a tenant is added.
    """
    return instance.get_materialized_partitions(dg.AssetKey("table"))


def test_superseded_runs_are_deleted_and_the_latest_of_each_partition_stays(
    instance: dg.DagsterInstance,
) -> None:
    old = [run(instance, table, "acme"), run(instance, report)]
    only = run(instance, table, "bolt")
    newest_of_old = run(instance, table, "acme")
    now = later()
    new = [run(instance, report)]
    assert latest_runs(instance, now - KEEP) == {only, newest_of_old}
    done = delete_old_runs(instance, now, KEEP)
    assert (done.runs, done.kept, done.has_more) == (2, 2, False)
    assert run_ids(instance) == {only, newest_of_old, *new}
    assert materialized(instance) == {"acme", "bolt"}
    assert all(not instance.all_logs(run_id) for run_id in old)
    assert instance.all_logs(only)
    record = instance.get_latest_materialization_event(dg.AssetKey("report"))
    assert record and record.run_id == new[0]


def test_a_kept_run_is_deleted_once_another_is_the_latest(instance: dg.DagsterInstance) -> None:
    first = run(instance, table, "acme")
    now = later()
    assert delete_old_runs(instance, now, KEEP).kept == 1
    second = run(instance, table, "acme")
    assert delete_old_runs(instance, now, KEEP).runs == 1
    assert run_ids(instance) == {second}
    assert first != second
    assert materialized(instance) == {"acme"}


def test_deleting_the_latest_run_would_leave_its_partition_missing(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the latest runs are kept: this is what Dagster does otherwise."""
    run(instance, table, "acme")
    monkeypatch.setattr(run_retention, "latest_runs", lambda *given: set())
    assert delete_old_runs(instance, later(), KEEP).runs == 1
    assert materialized(instance) == set()


def test_unfinished_and_recent_runs_stay(instance: dg.DagsterInstance) -> None:
    failed = run(instance, broken)
    now = later()
    recent = run(instance, broken)
    with_job = dg.define_asset_job("stuck", selection=[report])
    job = dg.Definitions([report], jobs=[with_job]).resolve_job_def("stuck")
    stuck = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    assert delete_old_runs(instance, now, KEEP).runs == 1
    assert run_ids(instance) == {recent, stuck}
    assert delete_old_runs(instance, later(), KEEP).runs == 1
    assert run_ids(instance) == {stuck}
    assert failed not in run_ids(instance)


def test_logs_on_disk_are_deleted_with_their_run(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, broken)
    folder = Path(os.environ["DAGSTER_HOME"]) / "storage" / run_id
    assert any(path.is_file() for path in folder.rglob("*"))
    delete_old_runs(instance, later(), KEEP)
    assert not folder.exists()


def test_it_continues_past_kept_runs_in_batches_and_stops_at_the_limit(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_retention, "BATCH", 2)
    kept = {run(instance, table, "bolt"), run(instance, table, "cole")}
    gone = {run(instance, broken) for _ in range(2)}
    kept |= {run(instance, table, "acme")}
    gone |= {run(instance, broken)}
    now = later()
    done = delete_old_runs(instance, now, KEEP, most=2)
    assert (done.runs, done.has_more) == (2, True)
    done = delete_old_runs(instance, now, KEEP)
    assert (done.runs, done.kept, done.has_more) == (1, 3, False)
    assert run_ids(instance) == kept
    assert not gone & kept
    assert delete_old_runs(instance, now, KEEP, seconds=0) == Deleted(0, 3)
