"""The daemon in real time: killed during a wave, and with three hundred tenants due at once."""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import time
import urllib.error
from collections.abc import Iterator

import dagster as dg
import psycopg
import pytest

from st_pipeline.defs import local_runs
from st_pipeline.defs.in_flight import is_in_flight
from st_pipeline.sandbox import Sandbox
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from tests.end_to_end.home import Home
from tests.soak import daemon
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

PAGES = {
    "runs": "{runsOrError(limit: 25) {... on Runs {results {runId status tags {key value}}}}}",
    "assets": (
        "{assetNodes {assetKey {path} assetMaterializations(limit: 1) {timestamp} "
        "partitionStats {numMaterialized}}}"
    ),
    "ticks": (
        "{schedulesOrError(repositorySelector: {repositoryName: \"__repository__\", "
        "repositoryLocationName: \"st_pipeline\"}) {... on Schedules {results {name scheduleState "
        "{ticks(limit: 10) {status}}}}}}"
    ),
}  # fmt: skip


@pytest.fixture
def home() -> Home:
    return Home.new("daemon")


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    before = dict(os.environ)
    opened = local_runs.open_instance(home.settings)
    yield opened
    opened.dispose()
    os.environ.clear()
    os.environ.update(before)


def assert_no_two_runs_for_one_tenant(instance: dg.DagsterInstance, *, alive_only: bool) -> None:
    """Assert that no two runs for the same tenant exist at the same time."""
    keys = list(instance.get_dynamic_partitions("tenants"))
    spans = []
    for record in instance.get_run_records(dg.RunsFilter(job_name="sync_tenant")):
        tags = record.dagster_run.tags
        first = tags.get("dagster/partition") or tags["dagster/asset_partition_range_start"]
        last = tags.get("dagster/partition") or tags["dagster/asset_partition_range_end"]
        if alive_only and record.dagster_run.status is not dg.DagsterRunStatus.SUCCESS:
            continue
        tenants = set(keys[keys.index(first) : keys.index(last) + 1])
        spans.append((record.create_timestamp.timestamp(), record.end_time or float("inf"), tenants))
    assert spans
    for (began, ended, tenants), (began_too, ended_too, others) in itertools.combinations(spans, 2):
        assert began >= ended_too or began_too >= ended or not tenants & others


def assert_each_served_once(connection: psycopg.Connection, keys: list[str]) -> None:
    rows = connection.execute(
        "select tenant, due_for, count(*) from control.syncs where outcome = 'succeeded' group by 1, 2"
    ).fetchall()
    assert {tenant for tenant, _, _ in rows} == set(keys), "no tenant is skipped"
    assert [row for row in rows if row[2] > 1] == [], "no tenant is synced twice for one time"
    overlapping = connection.execute(
        """
        select a.tenant from control.syncs a join control.syncs b on a.tenant = b.tenant and a.id < b.id
        where b.started_at < coalesce(a.finished_at, a.started_at)
        """
    ).fetchall()
    assert overlapping == []


@pytest.mark.parametrize("children", [False, True], ids=["daemon alone", "with its runs"])
def test_killed_during_a_wave_the_daemon_skips_no_tenant_and_syncs_none_twice(
    home: Home, instance: dg.DagsterInstance, children: bool
) -> None:
    accounts = daemon.accounts(60)
    with Sandbox(accounts) as sandbox, home.connect() as connection:
        keys = daemon.register(home, sandbox, accounts)
        with daemon.running(home, "dagster-daemon", "run") as process:
            wait_for("some are synced", lambda: len(daemon.succeeded(connection)) >= 5, seconds=300)
            process.kill(children=children)
            killed_at = len(daemon.succeeded(connection))
            assert killed_at < len(keys), "the wave was over"
            if children:
                # Their pause passes in a moment instead of five minutes.
                connection.execute(
                    "update control.syncs set started_at = started_at - interval '5 minutes' where outcome is null"
                )
            with daemon.running(home, "dagster-daemon", "run"):
                wait_for("all are synced", lambda: len(daemon.succeeded(connection)) == len(keys), seconds=900)
                wait_for("no run is unfinished", lambda: not is_in_flight(instance, "sync_tenant"), seconds=300)
        assert_each_served_once(connection, keys)
        assert_no_two_runs_for_one_tenant(instance, alive_only=True)


def test_three_hundred_tenants_due_at_once(home: Home, instance: dg.DagsterInstance) -> None:
    accounts = daemon.accounts(300)
    port = free_port()
    answers: dict[str, list[float]] = {page: [] for page in PAGES}
    with Sandbox(accounts) as sandbox, home.connect() as connection:
        keys = daemon.register(home, sandbox, accounts)
        began = time.monotonic()
        with (
            daemon.running(home, "dagster-webserver", "-h", "127.0.0.1", "-p", str(port)),
            daemon.running(home, "dagster-daemon", "run"),
        ):
            wait_for("the UI answers", lambda: is_up(port), seconds=120)
            deadline = time.monotonic() + 3000
            while len(daemon.succeeded(connection)) < len(keys):
                assert time.monotonic() < deadline
                for page, query in PAGES.items():
                    answers[page].append(daemon.ask_ui(port, query)[1])
                time.sleep(5)
            drained = time.monotonic() - began
            wait_for("the reports are built", lambda: bool(builds(connection)), seconds=600)
            time.sleep(60)  # any unneeded builds would start by then
        rows = connection.execute("select count(*), count(distinct tenant) from raw.crm_customers").fetchone()
        assert rows == (300 * daemon.SIZE.customers, 300)
        assert_each_served_once(connection, keys)
        assert_no_two_runs_for_one_tenant(instance, alive_only=False)
        built = len(builds(connection))
        assert 1 <= built <= 3
        runs = instance.get_runs_count(dg.RunsFilter(job_name="sync_tenant"))
    said = [f"300 tenants, {len(ASSET_ENTITIES)} entities each: {runs} runs, {drained:.0f} s, {built} builds"]
    for page, seconds in answers.items():
        said.append(f"{page}: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s")
    sys.stdout.write("\n" + "\n".join(said) + "\n")


def is_up(port: int) -> bool:
    try:
        daemon.ask_ui(port, "{version}")
    except (urllib.error.URLError, OSError):
        return False
    return True


def builds(connection: psycopg.Connection) -> list[tuple]:
    return connection.execute("select * from control.builds where outcome = 'succeeded'").fetchall()
