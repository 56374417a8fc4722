"""The dbt project as files and environment: its manifest, made when it is missing or older than the models.

Running it is Dagster's (defs/reports.py).
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

_SOURCES = ("*.yml", "*.sql", "*.csv")


class DbtProjectBroken(Exception):
    """dbt cannot read the project; the message holds dbt's own words."""


def project_folder() -> Path:
    """Where the models are."""
    return PROJECT_ROOT / "dbt_project"


def dbt_executable() -> str:
    """The dbt of this environment, whatever PATH says."""
    return str(Path(sys.executable).with_name("dbt"))


def environment(database: Database) -> dict[str, str]:
    """The variables that profiles.yml reads."""
    return {
        "ST_PIPELINE_PG_HOST": database.host,
        "ST_PIPELINE_PG_PORT": str(database.port),
        "ST_PIPELINE_PG_USER": database.user,
        "ST_PIPELINE_PG_PASSWORD": database.password.reveal() if database.password else "",
        "ST_PIPELINE_PG_DATABASE": database.name,
        "ST_PIPELINE_PG_SSLMODE": database.options.get("sslmode", "prefer"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


@contextmanager
def one_build_at_a_time(database: Database) -> Iterator[None]:
    """Wait until no other process builds; the lock ends with the process that holds it."""
    with connect(database, application="st-pipeline build", autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (Lock.BUILD,))
        yield


@cache
def manifest(database: str) -> Path:
    """The manifest of the models as they are now for a database of that name, made once for each state of the files.

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
        # Two processes may parse at once: each in a folder of its own, and the last rename wins.
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            _parse(folder, database, Path(work))
            (Path(work) / "manifest.json").rename(target)
    return target


def _parse(folder: Path, database: str, target: Path) -> None:
    # Parsing connects to nothing; only the name of the database gets into the manifest.
    nowhere = Database(host="localhost", port=5432, user="nobody", password=None, name=database)
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
