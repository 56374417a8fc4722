"""run_folder.py: a run of the suite leaves no process and no folder, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from st_pipeline.settings import PROJECT_ROOT
from tests.support.run_folder import processes_of
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.acceptance

# Both start a server for the session. The first takes long enough to be ended early, the second no time.
LONG, SHORT = (("tests/warehouse/test_upsert.py", "-k", name) for name in ("fold", "hundred"))


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the run under test has its folder; reachable for the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="st-runs-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(place: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A run of some tests by two workers, in its own process group, as a terminal has it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", *arguments],
        cwd=PROJECT_ROOT,
        env=own | {"TMPDIR": str(place)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def interrupt(run: subprocess.Popen[bytes]) -> None:
    os.killpg(run.pid, signal.SIGINT)


def kill_all(run: subprocess.Popen[bytes]) -> None:
    os.killpg(run.pid, signal.SIGKILL)


def kill_workers(run: subprocess.Popen[bytes]) -> None:
    for worker in psutil.Process(run.pid).children():
        if "execnet" in " ".join(worker.cmdline()) or "exec(eval(" in " ".join(worker.cmdline()):
            worker.kill()


@pytest.mark.parametrize("end", [interrupt, kill_all, kill_workers])
def test_a_run_that_is_ended_early_leaves_nothing(place: Path, end: Callable[[subprocess.Popen[bytes]], None]) -> None:
    run = start(place, *LONG)
    try:
        wait_for("a server", lambda: any("bin/postgres" in " ".join(argv(p)) for p in processes_of(str(place))), run)
        end(run)
        run.wait(timeout=PATIENCE_SECONDS)
        wait_for("an empty folder", lambda: not any(place.iterdir()))
        assert not processes_of(str(place))
    finally:
        run.kill()
        run.wait()


def test_a_run_that_ends_by_itself_has_left_nothing_when_it_returns(place: Path) -> None:
    assert start(place, *SHORT).wait(timeout=PATIENCE_SECONDS) == 0
    assert list(place.iterdir()) == []
    assert not processes_of(str(place))


def argv(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
