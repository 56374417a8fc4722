"""sync/run_lock.py: a run's lock is held exactly while its process, or its block, lives."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest

from st_pipeline.postgres import Database
from st_pipeline.sync.run_lock import held_runs, run_lock
from tests.support.waiting import wait_for

HOLD = """
import sys, time
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.sync.run_lock import run_lock
with run_lock(Database.from_dsn(Secret(sys.argv[1]), default_name="warehouse"), "run-1"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_run_is_held_inside_its_block_alone(warehouse: Database, control: psycopg.Connection) -> None:
    asked = ["run-1", "run-2"]
    assert held_runs(control, asked) == set()
    with run_lock(warehouse, "run-1"):
        assert held_runs(control, asked) == {"run-1"}
        with run_lock(warehouse, "run-2"):
            assert held_runs(control, asked) == {"run-1", "run-2"}
            assert held_runs(control, ["run-2", "run-3"]) == {"run-2"}
            assert held_runs(control, []) == set()
    assert held_runs(control, asked) == set()


def test_an_error_in_the_block_passes_through_and_gives_the_lock_back(
    warehouse: Database, control: psycopg.Connection
) -> None:
    with pytest.raises(ZeroDivisionError), run_lock(warehouse, "run-1"):
        raise ZeroDivisionError
    assert held_runs(control, ["run-1"]) == set()


def test_a_lock_whose_connection_is_cut_is_free_and_hides_no_error_of_the_block(
    warehouse: Database, control: psycopg.Connection
) -> None:
    with pytest.raises(ZeroDivisionError), run_lock(warehouse, "run-1"):
        control.execute("select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name like %s",
                        ("st-pipeline run run-1%",))  # fmt: skip
        assert held_runs(control, ["run-1"]) == set()
        raise ZeroDivisionError


def test_a_killed_process_gives_its_lock_back(warehouse: Database, control: psycopg.Connection) -> None:
    command = [sys.executable, "-c", HOLD, warehouse.url().reveal()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "held\n"
            assert held_runs(control, ["run-1"]) == {"run-1"}
        finally:
            process.kill()
    wait_for("the server to notice", lambda: not held_runs(control, ["run-1"]))


def test_a_run_with_a_long_id_has_a_lock_of_its_own(warehouse: Database, control: psycopg.Connection) -> None:
    one, other = (f"{'x' * 100}{end}" for end in "ab")
    with run_lock(warehouse, one):
        assert held_runs(control, [one, other]) == {one}
