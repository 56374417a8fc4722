"""``st-pipeline up`` and ``dev``: run until Ctrl-C. portal.py runs only the portal, sandbox.py only the sandbox."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer

from st_pipeline import dagster_home, postgres
from st_pipeline.cli import portal, sandbox_tenants
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.interrupting import until_interrupted
from st_pipeline.dbt import manifest
from st_pipeline.sandbox import Account
from st_pipeline.settings import PROJECT_ROOT, Settings
from st_pipeline.sync.pipeline import open_pipeline

STOP_SECONDS = 20.0
LOGS = {"Dagster UI": "webserver.log", "Dagster daemon": "daemon.log", "portal": "portal.log"}
START_SECONDS = 120.0

Port = Annotated[int, typer.Option(help="Port of the Dagster UI.")]


def up(
    with_sandbox: Annotated[bool, typer.Option("--sandbox", help="Also run the sandbox with its tenants.")] = False,
    port: Port = 3000,
    host: Annotated[str, typer.Option(help="Address of the Dagster UI and the portal.")] = "127.0.0.1",
    portal_port: Annotated[int, typer.Option(help="Port of the portal.")] = portal.PORT,
) -> None:
    """Run Postgres (unless ST_PIPELINE_DSN is set), the Dagster UI, the daemon and the portal. Ctrl-C stops them."""
    settings = Settings.from_environment()
    _refuse_taken(host, port, "--port")
    _refuse_taken(host, portal_port, "--portal-port")
    spare: list[Account] = []
    with until_interrupted(), ExitStack() as stack:
        if with_sandbox:
            settings, spare = stack.enter_context(sandbox_tenants.serving(settings))
        open_pipeline(settings)
        manifest(postgres.warehouse_name(settings))
        environment = {
            **os.environ,
            **dagster_home.environment(settings),
            "ST_PIPELINE_SANDBOX_URL": settings.sandbox_url,
            "PYTHONUNBUFFERED": "1",
        }
        logs = settings.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        workspace = ["-w", str(dagster_home.WORKSPACE_FILE)]
        typer.echo("Starting the Dagster UI, the daemon and the portal …")
        processes = {
            "Dagster UI": _start(
                ["dagster-webserver", *workspace, "-h", host, "-p", str(port)], environment, logs / LOGS["Dagster UI"]
            ),
            "Dagster daemon": _start(["dagster-daemon", "run", *workspace], environment, logs / LOGS["Dagster daemon"]),
            "portal": _start(
                ["st-pipeline", "portal", "--host", host, "--port", str(portal_port)],
                environment,
                logs / LOGS["portal"],
            ),
        }
        try:
            _wait_for(f"http://{host}:{portal_port}/healthz", "the portal", processes, logs)
            _wait_for(f"http://{host}:{port}/server_info", "the Dagster UI", processes, logs)
            _announce(f"http://{host}:{port}", f"http://{host}:{portal_port}", settings, logs, spare)
            _wait(processes, logs)
        finally:
            _stop(list(processes.values()))


def dev(port: Port = 3000) -> None:
    """Run Dagster's development server on this project's instance."""
    settings = Settings.from_environment()
    open_pipeline(settings)
    environment = {**os.environ, **dagster_home.environment(settings)}
    with until_interrupted():
        process = _start(["dg", "dev", "--port", str(port)], environment, None)
        try:
            _wait({"dg dev": process}, settings.home / "logs")
        finally:
            _stop([process])


def _refuse_taken(host: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandRefused(f"cannot use {host}:{port} ({error.strerror}); choose another {option}") from None


def _start(command: Sequence[str], environment: dict[str, str], log: Path | None) -> subprocess.Popen[bytes]:
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


def _wait_for(url: str, what: str, processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _refuse_dead(processes, logs)
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise CommandRefused(f"{what} did not start within {START_SECONDS:.0f} seconds; see {logs}")


def _announce(ui: str, portal_url: str, settings: Settings, logs: Path, spare: list[Account]) -> None:
    typer.echo(f"Portal          {portal_url}")
    typer.echo(f"Dagster UI      {ui}")
    typer.echo(f"Postgres        {settings.home if not settings.dsn else 'the server of ST_PIPELINE_DSN'}")
    typer.echo(f"Landing zone    {settings.landing}")
    typer.echo(f"Logs            {logs}")
    if spare:
        typer.echo(f"Sandbox         {settings.sandbox_url}; accounts that you can connect to try it:")
    for account in spare:
        for line in sandbox_tenants.introduced(account, settings.sandbox_url):
            typer.echo(f"                {line}")
    if portal.has_nobody(settings):
        typer.echo(portal.FIRST_STEP)
    typer.echo("Press Ctrl-C to stop everything.")


def _wait(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Wait until someone stops us or one of the processes exits."""
    while True:
        _refuse_dead(processes, logs)
        time.sleep(0.5)


def _refuse_dead(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
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


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
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
