"""cli/leftovers.py: one ``up`` a home, which ends what a killed one left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from st_pipeline.cli import leftovers
from st_pipeline.cli.errors import CommandRefused

CHILD = "print(1, flush=True); import time; time.sleep(600)"
ORPHANED = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {CHILD!r}])"


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[psutil.Process]:
    """A process whose marked parent has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANED], env={**os.environ, **leftovers.mark(tmp_path)}, stdout=subprocess.PIPE
    ) as parent:
        parent.wait()
        assert parent.stdout and parent.stdout.readline(), "the child runs"
        (left,) = leftovers.left_behind(tmp_path)
        yield left
        with suppress(psutil.NoSuchProcess):
            left.kill()


def test_what_a_killed_one_left_is_found_and_ended(orphan: psutil.Process, tmp_path: Path) -> None:
    leftovers.end([orphan])
    assert leftovers.left_behind(tmp_path) == []
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_what_ignores_the_signal_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(leftovers, "END_SECONDS", 0.2)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        leftovers.end([psutil.Process(process.pid)])
    assert process.returncode in (-9, 0), "0 if psutil collected its status"


@pytest.mark.usefixtures("orphan")
def test_processes_of_another_home_are_left_alone(tmp_path: Path) -> None:
    assert leftovers.left_behind(tmp_path / "other") == []


def test_a_second_one_in_a_home_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with leftovers.only_one(tmp_path):
        with pytest.raises(CommandRefused, match="already running in"), leftovers.only_one(tmp_path):
            pass
        with leftovers.only_one(tmp_path / "another home"):
            pass
    with leftovers.only_one(tmp_path):
        pass
