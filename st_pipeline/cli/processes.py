"""Programs that ``up`` and ``dev`` run: start them, wait for them, notice when one stops, and stop all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from st_pipeline.cli.errors import CommandRefused
from st_pipeline.settings import PROJECT_ROOT

STOP_SECONDS = 20.0
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


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop the processes and everything in their process groups: code servers, and runs that are still working.

    Dagster's own programs leave both behind, to exit when the runs are done.
    """
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
    groups = [process.pid for process in processes]
    for number in (signal.SIGTERM, signal.SIGKILL):
        groups = [group for group in groups if _signal(group, number)]
        deadline = time.monotonic() + STOP_SECONDS
        while groups and time.monotonic() < deadline:
            time.sleep(0.1)
            groups = [group for group in groups if _signal(group, 0)]
    for process in processes:
        process.wait()


def _signal(group: int, number: int) -> bool:
    """Send a signal; False if the process group has no members left. Signal 0 only tests that."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
