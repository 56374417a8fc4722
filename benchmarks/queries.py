"""``python -m benchmarks.queries``: two pieces of work that grow with the data, and how long each may take.

A round of the alert rules over 500 tenants with 100,000 syncs (portal_history.py), and 20,000 summaries of 1 kB made
into plain text by the function that the legacy tables use.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.portal import SYNCS, TENANTS
from benchmarks.portal_history import fill
from st_pipeline import dbt, postgres
from st_pipeline.postgres import Database
from st_pipeline.rules.all_rules import find_all
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import read_tenant_facts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.settings import Settings

TIMES = 3
SUMMARIES = 20_000
PLAIN = "Replaced capacitor on unit 5. " * 33
MARKED_UP = "<p>Replaced &amp; tested&nbsp;<b>unit</b></p><br/>" * 20


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each time, and how many it may take."""

    what: str
    seconds: list[float]
    limit: float


def main() -> int:
    """0 if each stays within its limit, else 1."""
    return report(measure())


def measure() -> list[Measured]:
    """Time each, the database filled and the functions installed before."""
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-benchmark-"))
    home.chmod(0o755)  # run as root, the database server is another user and must reach its folder
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    database = postgres.prepare(Settings.from_environment({"ST_PIPELINE_HOME": str(home)}))
    _install_functions(database, home)
    now, rules = datetime.now(UTC), Rules()
    with postgres.connect(database, autocommit=True) as connection:
        fill(connection, now, tenants=TENANTS, syncs=SYNCS)
        return [
            _timed(
                f"alert rules over {TENANTS:,} tenants with {SYNCS:,} syncs",
                lambda: find_all(connection, read_tenant_facts(connection), rules, now, compute_stale_at(rules)),
                limit=5,
            ),
            _timed(
                f"{SUMMARIES:,} summaries to plain text, a quarter of them thick with markup",
                lambda: _to_plain_text(connection),
                limit=10,
            ),
        ]


def report(found: list[Measured]) -> int:
    """Print each with its limit."""
    for one in found:
        mark = "  over its limit" if median(one.seconds) > one.limit else ""
        print(f"{median(one.seconds):7.2f} s  (limit {one.limit:g} s)  {one.what}{mark}")
    return 1 if any(median(one.seconds) > one.limit for one in found) else 0


def _timed(what: str, work: Callable[[], object], *, limit: float) -> Measured:
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return Measured(what, seconds, limit)


def _to_plain_text(connection: psycopg.Connection[Any]) -> None:
    values = [MARKED_UP if number % 4 == 0 else PLAIN for number in range(SUMMARIES)]
    connection.execute("select intermediate.plain_text(v) from unnest(%s::text[]) v", (values,)).fetchall()


def _install_functions(database: Database, work: Path) -> None:
    project = str(dbt.project_folder())
    done = subprocess.run(
        [
            dbt.dbt_executable(), "--quiet", "run-operation", "install_functions", "--project-dir", project,
            "--profiles-dir", project, "--target-path", str(work / "target"), "--log-path", str(work / "logs"),
        ],
        env=os.environ | dbt.environment(database),
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"dbt could not install the functions:\n{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
