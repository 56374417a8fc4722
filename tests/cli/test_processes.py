"""cli/processes.py: programs that are started together, noticed when they stop, and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from st_pipeline.cli import processes
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.interrupting import Interruption


def test_a_server_that_stopped_is_named_with_what_it_said_last(tmp_path: Path) -> None:
    code = "import sys; print('starting'); print('port 3000 is taken'); print(); sys.exit(3)"
    process = processes.start(["python", "-c", code], dict(os.environ), tmp_path / "webserver.log")
    process.wait()
    with pytest.raises(CommandRefused, match=r"Dagster UI stopped with exit status 3 \(port 3000 is taken\); see "):
        processes.refuse_dead({"Dagster UI": process}, tmp_path)
    with pytest.raises(CommandRefused, match=r"dg dev stopped with exit status 3; see "):
        processes.refuse_dead({"dg dev": process}, tmp_path)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_what_a_program_leaves_behind_is_ended_too(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    """As Dagster's do, when a run is in the middle of its work."""
    monkeypatch.setattr(processes, "STOP_SECONDS", 2.0)
    child = f"import signal, time; signal.signal(signal.{number}, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline(), "the child is there"
        left = psutil.Process(process.pid).children()
        assert len(left) == 1
        processes.stop([process], Interruption())
    assert process.returncode < 0, "by a signal; on a busy machine not always by the first"
    assert not psutil.wait_procs(left, timeout=60)[1]


def test_pressing_again_shortens_the_wait_for_what_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HURRY_SECONDS", 0.2)
    code = "import signal, time\nfor number in (2, 15): signal.signal(number, signal.SIG_IGN)\n"
    code += "print(flush=True)\ntime.sleep(600)"
    interruption = Interruption()
    interruption.is_urgent = True
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline()
        processes.stop([process], interruption)
    assert process.returncode == -signal.SIGKILL


def test_stopping_is_not_interrupted() -> None:
    interruption = Interruption()
    processes.stop([], interruption)
    interruption.handle(signal.SIGINT, None)
    assert interruption.is_urgent
