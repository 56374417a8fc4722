"""Programs that ``up`` and ``dev`` run: start them, wait for them, notice when one stops, and stop all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.interrupting import Interruption
from st_pipeline.settings import PROJECT_ROOT

STOP_SECONDS = 20.0
HURRY_SECONDS = 2.0
START_SECONDS = 120.0
LOGS = {"Dagster UI": "webserver.log", "Dagster daemon": "daemon.log", "portal": "portal.log"}


def start(command: Sequence[str], environment: dict[str, str], log: Path | None) -> subprocess.Popen[bytes]:
    """Start a program of this environment in its own process group, so that it receives Ctrl-C only once, from us."""
    program = str(Path(sys.executable).with_name(command[0]))
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [program, *command[1:]],
            env=environment,
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        if output:
            output.close()


def wait_for(url: str, what: str, processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        refuse_dead(processes, logs)
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise CommandRefused(f"{what} did not start within {START_SECONDS:.0f} seconds; see {logs}")


def wait(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Wait until someone stops us or one of the processes exits."""
    while True:
        refuse_dead(processes, logs)
        time.sleep(0.5)


def refuse_dead(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise CommandRefused(
                f"{name} stopped with exit status {process.returncode}{_last_line(name, logs)}; see {logs}"
            )


def _last_line(name: str, logs: Path) -> str:
    """What a process said last, in parentheses; nothing if it has no log or said nothing."""
    log = logs / LOGS.get(name, "")
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({last[:300]})" if last else ""


def stop(processes: Sequence[subprocess.Popen[bytes]], interruption: Interruption) -> None:
    """Stop the processes and everything in their process groups: code servers, and runs that are still working.

    Dagster's own programs leave both behind, to exit when the runs are done. An urgent interruption shortens each step.
    """
    interruption.begin_stopping()
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    _wait_while(lambda: any(process.poll() is None for process in processes), interruption)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            _signal(process.pid, number)
        _wait_while(lambda: any(_has_group(process) for process in processes), interruption)
    for process in processes:
        process.wait()


def _has_group(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # a process that ended is in its group until someone asks for its status
    return _signal(process.pid, 0)


def _wait_while(is_alive: Callable[[], bool], interruption: Interruption) -> None:
    began = time.monotonic()
    while is_alive() and time.monotonic() < began + (HURRY_SECONDS if interruption.is_urgent else STOP_SECONDS):
        time.sleep(0.1)


def _signal(group: int, number: int) -> bool:
    """Send a signal; False if the process group has no members left. Signal 0 only tests that."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
