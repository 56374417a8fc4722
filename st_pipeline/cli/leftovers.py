"""One ``up`` a home, and an end to what a killed one left running: the daemon, the portal, runs at work."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from st_pipeline import private_home
from st_pipeline.cli.errors import CommandRefused

# Processes inherit it from their parents, so it also marks those whose parents have ended. A process ID would not do:
# the system gives it to another process.
MARK = "ST_PIPELINE_UP_IN"
END_SECONDS = 20.0


def mark(home: Path) -> dict[str, str]:
    """The variable that marks processes as started by the ``up`` of this home."""
    return {MARK: str(home)}


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """The only ``up`` in this home while the block runs. Raises CommandRefused if there is another."""
    private_home.create(home)
    with (home / "up.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandRefused(
                f"st-pipeline up is already running in {home}; stop it first, or set another ST_PIPELINE_HOME"
            ) from None
        yield


def left_behind(home: Path) -> list[psutil.Process]:
    """The processes of an earlier ``up``. Call it while this one is the only one and has started nothing."""
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARK) == str(home) and process.pid != os.getpid()
    ]


def end(left: list[psutil.Process]) -> None:
    """End the processes, by force if they take long."""
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=END_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=END_SECONDS)
