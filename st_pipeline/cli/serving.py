"""``st-pipeline up`` and ``dev``: run until Ctrl-C. portal.py, ui.py and sandbox.py run only one part each."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from st_pipeline import dagster_home, postgres
from st_pipeline.cli import leftovers, portal, processes, sandbox_tenants, ui
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.interrupting import until_interrupted
from st_pipeline.dbt import manifest
from st_pipeline.sandbox import Account
from st_pipeline.settings import DEFAULT_DAGSTER_URL, DEFAULT_PORTAL_URL, Settings
from st_pipeline.sync.pipeline import open_pipeline

DEV_IS_OPEN = (
    "Dagster's development server has no sign-in: every user of this machine, and every web page that you open on it, "
    "can launch runs. Use `st-pipeline up` on a machine that you share."
)

Port = Annotated[int, typer.Option(help="Port of the Dagster UI.")]


def up(
    with_sandbox: Annotated[bool, typer.Option("--sandbox", help="Also run the sandbox with its tenants.")] = False,
    port: Port = ui.PORT,
    host: Annotated[str, typer.Option(help="Address of the Dagster UI and the portal.")] = "127.0.0.1",
    portal_port: Annotated[int, typer.Option(help="Port of the portal.")] = portal.PORT,
    is_ui_open: Annotated[
        bool,
        typer.Option(
            "--open-dagster-ui", help="Let everyone who can reach the Dagster UI's port use it, without signing in."
        ),
    ] = False,
) -> None:
    """Run Postgres (unless ST_PIPELINE_DSN is set), the Dagster UI, the daemon and the portal. Ctrl-C stops them."""
    settings = addressed(Settings.from_environment(), host, port, portal_port)
    spare: list[Account] = []
    with until_interrupted() as interruption, ExitStack() as stack:
        stack.enter_context(leftovers.only_one(settings.home))
        if left := leftovers.left_behind(settings.home):
            typer.echo(f"Ending {len(left)} processes that an earlier st-pipeline up left running …")
            leftovers.end(left)
        _refuse_taken(host, port, "--port")
        _refuse_taken(host, portal_port, "--portal-port")
        if with_sandbox:
            settings, spare = stack.enter_context(sandbox_tenants.serving(settings))
        open_pipeline(settings)
        manifest(postgres.warehouse_name(settings))
        environment = {
            **os.environ,
            **dagster_home.environment(settings),
            **leftovers.mark(settings.home),
            "ST_PIPELINE_SANDBOX_URL": settings.sandbox_url,
            "ST_PIPELINE_PORTAL_URL": settings.portal_url,
            "ST_PIPELINE_DAGSTER_URL": settings.dagster_url,
            "PYTHONUNBUFFERED": "1",
        }
        logs = settings.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        typer.echo("Starting the Dagster UI, the daemon and the portal …")
        commands = {
            "Dagster UI": ["st-pipeline", "ui", "--host", host, "--port", str(port), *["--open"] * is_ui_open],
            "Dagster daemon": ["dagster-daemon", "run", "-w", str(dagster_home.WORKSPACE_FILE)],
            "portal": ["st-pipeline", "portal", "--host", host, "--port", str(portal_port)],
        }
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in commands.items():
                with interruption.held():
                    running[name] = processes.start(command, environment, logs / processes.LOGS[name])
            processes.wait_for(f"{_url(host, portal_port)}/healthz", "the portal", running, logs)
            processes.wait_for(f"{_url(host, port)}/healthz", "the Dagster UI", running, logs)
            _announce(settings, logs, spare, is_ui_open=is_ui_open)
            processes.wait(running, logs)
        finally:
            processes.stop(list(running.values()), interruption)


def dev(port: Port = ui.PORT) -> None:
    """Run Dagster's development server on this project's instance, on this machine only and without sign-in."""
    settings = Settings.from_environment()
    open_pipeline(settings)
    environment = {**os.environ, **dagster_home.environment(settings)}
    typer.echo(DEV_IS_OPEN)
    running: dict[str, subprocess.Popen[bytes]] = {}
    with until_interrupted() as interruption:
        try:
            with interruption.held():
                command = ["dg", "dev", "--host", "127.0.0.1", "--port", str(port)]
                running["dg dev"] = processes.start(command, environment, None)
            processes.wait(running, settings.home / "logs")
        finally:
            processes.stop(list(running.values()), interruption)


def addressed(settings: Settings, host: str, port: int, portal_port: int) -> Settings:
    """Settings whose links lead to these ports, except to an address that someone has set."""
    return replace(
        settings,
        dagster_url=_url(host, port) if settings.dagster_url == DEFAULT_DAGSTER_URL else settings.dagster_url,
        portal_url=_url(host, portal_port) if settings.portal_url == DEFAULT_PORTAL_URL else settings.portal_url,
    )


def _url(host: str, port: int) -> str:
    """A URL that a browser on this machine can open: 0.0.0.0 stands for every address."""
    with suppress(ValueError):  # a name
        host = "127.0.0.1" if ip_address(host).is_unspecified else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refuse_taken(host: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandRefused(f"cannot use {host}:{port} ({error.strerror}); choose another {option}") from None


def _announce(settings: Settings, logs: Path, spare: list[Account], *, is_ui_open: bool) -> None:
    typer.echo(f"Portal          {settings.portal_url}")
    typer.echo(f"Dagster UI      {settings.dagster_url}{'' if is_ui_open else ', for operators who sign in'}")
    typer.echo(f"Postgres        {settings.home if not settings.dsn else 'the server of ST_PIPELINE_DSN'}")
    typer.echo(f"Landing zone    {settings.landing}")
    typer.echo(f"Logs            {logs}")
    if spare:
        typer.echo(f"Sandbox         {settings.sandbox_url}; accounts that you can connect to try it:")
    for account in spare:
        for line in sandbox_tenants.introduced(account, settings.sandbox_url):
            typer.echo(f"                {line}")
    if is_ui_open:
        typer.echo(ui.OPEN)
    if portal.has_nobody(settings):
        typer.echo(portal.FIRST_STEP)
    typer.echo("Press Ctrl-C to stop everything.")
