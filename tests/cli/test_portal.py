"""cli/portal.py: the portal alone, as a process that serves until it is stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from st_pipeline.cli.main import app
from st_pipeline.cli.portal import has_nobody
from st_pipeline.portal.people import accounts
from st_pipeline.portal.people.roles import Role
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.settings import PROJECT_ROOT, Settings

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))
FIRST_ACCOUNT = "st-pipeline users add NAME"


@contextmanager
def portal(warehouse: Database, home: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {
        "ST_PIPELINE_HOME": str(home),
        "ST_PIPELINE_DSN": warehouse.url().reveal(),
        "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
    }
    with subprocess.Popen(
        [COMMAND, "portal", "--port", "0"], env={**os.environ, **environment}, cwd=PROJECT_ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_the_port_it_names_until_it_is_stopped(
    warehouse: Database, control: psycopg.Connection, tmp_path: Path, number: signal.Signals
) -> None:
    control.execute("delete from control.users")
    with portal(warehouse, tmp_path) as process:
        assert process.stdout
        lines: list[str] = []
        while FIRST_ACCOUNT not in "".join(lines):
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", "".join(lines))
        assert found
        with urllib.request.urlopen(f"{found[0]}/healthz?token=canary", timeout=60) as answer:
            assert answer.status == 200
            assert "server" not in answer.headers
        process.send_signal(number)
        rest, _ = process.communicate()
    assert process.returncode == 0, rest
    assert rest.endswith("Stopped.\n")
    assert "canary" not in rest, "requests are not logged"


def test_only_without_any_account_the_way_to_the_first_one_is_named(
    server_settings: Settings, warehouse: Database, control: psycopg.Connection
) -> None:
    settings = replace(server_settings, dsn=warehouse.url())
    control.execute("delete from control.users")
    assert has_nobody(settings)
    accounts.add(control, "ann", Role.VIEWER, Secret("correct horse battery staple"), datetime.now(UTC))
    assert not has_nobody(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_named_before_the_database_is_looked_at(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("ST_PIPELINE_DSN", "postgresql://127.0.0.1:9/nowhere")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        taken = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["portal", "--host", host, "--port", str(port)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: cannot listen on {host}:{port} (")
    assert result.stderr.endswith("choose another --port or --host\n")
