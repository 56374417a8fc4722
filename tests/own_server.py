"""A home whose embedded server belongs to one test, and processes that use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from st_pipeline import embedded_place
from st_pipeline.settings import PROJECT_ROOT
from tests.support.homes import empty_home


@contextmanager
def own_home() -> Iterator[Path]:
    """A home that the server's user can reach."""
    folder = empty_home("postgres")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run(home: Path, code: str, **popen) -> subprocess.Popen[str]:
    program = f"from st_pipeline import postgres\nfrom st_pipeline.settings import Settings\n{code}"
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "ST_PIPELINE_HOME": str(home)},
        cwd=PROJECT_ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **popen,
    )


PREPARE = "database = postgres.prepare(Settings.from_environment())\n"


def is_running(home: Path) -> bool:
    return (embedded_place.place(home).cluster / "postmaster.pid").exists()
