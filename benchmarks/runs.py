"""One timed run of either side, in its own process and its own database on the same server."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import tables
from benchmarks.dlt_environment import HERE, python
from benchmarks.server import Served
from st_pipeline import embedded_postgres, postgres
from st_pipeline.settings import Settings

_TICKS = os.sysconf("SC_CLK_TCK")


class RunFailed(Exception):
    """A run's process failed; the message ends with its output."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds from the first call to finished tables, of the whole process, and of CPU; ``phases`` as the side says."""

    seconds: float
    process_seconds: float
    client_cpu: float
    server_cpu: float
    phases: dict[str, float]


class Bench:
    """The server that both sides load into: the embedded one of ``home``, the product's default."""

    def __init__(self, home: Path, served: Served) -> None:
        self._served = served
        self._home = home
        self._database = postgres.warehouse(Settings.from_environment({"ST_PIPELINE_HOME": str(home)}))
        cluster = embedded_postgres.place(home).cluster
        self._postmaster = int((cluster / "postmaster.pid").read_text().split()[0])

    def ours(self) -> Run:
        """Run our sync. Raises RunFailed, tables.Incomplete."""

        def command(database: postgres.Database, folder: str) -> tuple[list[str], dict[str, str]]:
            environment = {
                "ST_PIPELINE_HOME": folder,
                "ST_PIPELINE_DSN": database.url().reveal(),
                "ST_PIPELINE_SANDBOX_URL": self._served.url,
            }
            return [sys.executable, "-m", "benchmarks.ours"], environment

        return self._run("ours", None, command)

    def dlt(self, variant: str) -> Run:
        """Run dlt. Raises RunFailed, tables.Incomplete."""
        interpreter = python()

        def command(database: postgres.Database, folder: str) -> tuple[list[str], dict[str, str]]:
            # dlt insists on a host and a password; the socket in the query takes precedence.
            dsn = f"postgresql://{database.user}:unused@localhost/{database.name}?host={database.host}"
            return [str(interpreter), str(HERE / "theirs.py"), self._served.url, dsn, variant, folder], {}

        return self._run("dlt", variant, command)

    def _run(
        self,
        who: str,
        variant: str | None,
        command: Callable[[postgres.Database, str], tuple[list[str], dict[str, str]]],
    ) -> Run:
        database = self._database.with_name(f"benchmark_{who}")
        postgres.drop_database(database)
        postgres.ensure_database(database)
        with postgres.connect(self._database.with_name("postgres"), autocommit=True) as connection:
            connection.execute("checkpoint")  # pending writes of the previous run must not count in this one
        with tempfile.TemporaryDirectory(prefix=f"benchmark-{who}-", dir=self._home) as folder:
            arguments, environment = command(database, folder)
            client, server, began = _children_cpu(), self._server_cpu(), time.perf_counter()
            done = subprocess.run(
                arguments,
                env={**os.environ, **environment},
                cwd=HERE.parent,
                capture_output=True,
                text=True,
                check=False,
            )
            took, server, client = time.perf_counter() - began, self._server_cpu() - server, _children_cpu() - client
        if done.returncode:
            raise RunFailed(f"{who} failed:\n{done.stderr[-4000:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        tables.check(database, who, variant, self._served.expected)
        return Run(said["seconds"], took, client, server, said["phases"])

    def _server_cpu(self) -> float:
        """CPU seconds of the server so far: its processes, and those that have ended."""
        ticks = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:  # ended in the meantime
                    continue
                # After the name: state, parent, ...; user and system time, and the same of ended children.
                if int(entry.name) == self._postmaster:
                    ticks += sum(map(int, fields[11:15]))
                elif int(fields[1]) == self._postmaster:
                    ticks += sum(map(int, fields[11:13]))
        return ticks / _TICKS


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
