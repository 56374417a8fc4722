"""Dagster's daemon and UI as processes of a home, which can be killed, and many small tenants that are due at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from st_pipeline import dagster_home
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.settings import PROJECT_ROOT
from st_pipeline.tenants.recheck import check_and_record
from tests.end_to_end.home import Home

SIZE = Size(customers=6, invoices=8)


class Process:
    """One of Dagster's programs, with its code server and the runs it starts."""

    def __init__(self, home: Home, program: str, *arguments: str) -> None:
        logs = home.folder / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{program}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name(program)),
                    *arguments,
                    "-w",
                    str(dagster_home.WORKSPACE_FILE),
                ],
                env={**home.environment, **dagster_home.environment(home.settings)},
                cwd=PROJECT_ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def kill(self, *, children: bool) -> None:
        """``kill -9``; with ``children`` also its code server and every run in progress."""
        own = psutil.Process(self._process.pid)
        victims = [own, *(own.children(recursive=True) if children else [])]
        for victim in victims:
            victim.kill()
        self.wait()
        psutil.wait_procs(victims, timeout=20)

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.wait(60)


@contextmanager
def running(home: Home, program: str, *arguments: str) -> Iterator[Process]:
    """The program while the block runs; everything left of it is ended with the block."""
    process = Process(home, program, *arguments)
    try:
        yield process
    finally:
        for left in processes_of(home):
            left.kill()
        process.wait()


def processes_of(home: Home) -> list[psutil.Process]:
    """Every Dagster process that uses the home."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if environment.get("DAGSTER_HOME", "").startswith(str(home.folder)):
            found.append(process)
    return found


def accounts(count: int) -> list[Account]:
    """This many small accounts, all connected."""
    return [
        Account(5000 + number, f"cid.{number}", f"cs1.{number}", "ak1.app", seed=number, size=SIZE)
        for number in range(count)
    ]


def register(home: Home, sandbox: Sandbox, accounts: Sequence[Account]) -> list[str]:
    """Register the accounts as tenants that just connected, so that all are due now; returns their keys."""
    pipeline = home.pipeline(sandbox.url)
    keys = []
    with pipeline.registry() as registry:
        for account in accounts:
            key = f"tenant-{account.tenant_id}"
            home.register(account, key)
            check_and_record(registry, pipeline.settings, key, pipeline.clock())
            keys.append(key)
    return keys


def succeeded(connection: psycopg.Connection) -> dict[str, int]:
    """How many syncs of each tenant succeeded."""
    return dict(
        connection.execute(
            "select tenant, count(*) from control.syncs where outcome = 'succeeded' group by tenant"
        ).fetchall()
    )


def ask_ui(port: int, query: str) -> tuple[dict, float]:
    """The response of the UI's GraphQL, and how many seconds it took."""
    began = time.monotonic()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = json.load(answer)
    assert not body.get("errors"), body["errors"]
    return body["data"], time.monotonic() - began
