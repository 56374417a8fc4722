"""The dbt project's files and environment, and its manifest, which is rebuilt if the models are newer.

Dagster runs dbt (defs/reports.py).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from st_pipeline.locks import Lock
from st_pipeline.postgres import Database, connect
from st_pipeline.settings import PROJECT_ROOT

APPLICATION = "st-pipeline dbt"
_SOURCES = ("*.yml", "*.sql", "*.csv")


class DbtProjectBroken(Exception):
    """dbt cannot parse the project; the message has dbt's output."""


def project_folder() -> Path:
    """The folder with the models."""
    return PROJECT_ROOT / "dbt_project"


def dbt_executable() -> str:
    """The dbt in this environment, regardless of PATH."""
    return str(Path(sys.executable).with_name("dbt"))


def environment(database: Database) -> dict[str, str]:
    """The variables that profiles.yml reads: what dbt itself requires, or would replace by its own default."""
    options = database.for_session(APPLICATION).options
    return {
        "ST_PIPELINE_PG_HOST": database.host,
        "ST_PIPELINE_PG_PORT": str(database.port),
        "ST_PIPELINE_PG_USER": database.user,
        "ST_PIPELINE_PG_PASSWORD": database.password.reveal() if database.password else "",
        "ST_PIPELINE_PG_DATABASE": database.name,
        "ST_PIPELINE_PG_CONNECT_TIMEOUT": options["connect_timeout"],
        "ST_PIPELINE_PG_KEEPALIVES_IDLE": options["keepalives_idle"],
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def process_environment(database: Database) -> dict[str, str]:
    """All variables of a dbt process. Only dbt may get libpq's own: other connections would read them too."""
    return {**database.for_session(APPLICATION).variables(), **environment(database)}


@contextmanager
def one_build_at_a_time(database: Database) -> Iterator[None]:
    """Wait until no other process builds. The lock is released when the process ends."""
    with connect(database, application="st-pipeline build", autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (Lock.BUILD,))
        yield


@cache
def manifest(database: str) -> Path:
    """The manifest of the current models for a database name, built once per version of the files.

    Raises:
        DbtProjectBroken: the models do not parse.
    """
    folder = project_folder()
    files = sorted(path for pattern in _SOURCES for path in folder.rglob(pattern) if "target" not in path.parts)
    digest = hashlib.sha256(
        database.encode() + b"\0".join(str(f.relative_to(folder)).encode() + f.read_bytes() for f in files)
    ).hexdigest()
    target = folder / "target" / f"manifest-{digest[:16]}.json"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        # Two processes may parse at the same time: each uses its own folder, and the last rename wins.
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            _parse(folder, database, Path(work))
            (Path(work) / "manifest.json").rename(target)
    return target


def _parse(folder: Path, database: str, target: Path) -> None:
    # Parsing needs no connection; the manifest contains only the database's name.
    nowhere = Database(host="localhost", port=5432, user="unused", password=None, name=database)
    done = subprocess.run(
        [dbt_executable(), "--quiet", "parse", "--project-dir", str(folder), "--profiles-dir", str(folder),
         "--target-path", str(target), "--log-path", str(target)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(target), **environment(nowhere)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise DbtProjectBroken(f"dbt cannot parse {folder}:\n{done.stdout}{done.stderr}")
