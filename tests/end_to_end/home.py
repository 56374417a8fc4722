"""A home of the product on a real embedded Postgres, with its commands as processes. snapshot.py reads its tables."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from st_pipeline import postgres
from st_pipeline.sandbox import Account
from st_pipeline.secret import Secret
from st_pipeline.settings import PROJECT_ROOT, Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import new_tenant
from tests.hasty import hurry
from tests.support.homes import empty_home
from tests.support.waiting import PATIENCE_SECONDS

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))


@dataclass(frozen=True)
class Said:
    """How a command ended, and its output."""

    command: tuple[str, ...]
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"st-pipeline {' '.join(self.command)} ended with {self.status}\n{self.out}\n{self.err}"


@dataclass
class Home:
    """One ``ST_PIPELINE_HOME``. Its commands get only ``variables`` from the caller's environment.

    The server runs until the tests end; the run's cleanup removes the folder (support/run_folder.py).
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    @classmethod
    def new(cls, name: str, **variables: str) -> Home:
        home = cls(empty_home(name), variables)
        hurry(postgres.prepare(home.settings))
        return home

    @property
    def environment(self) -> dict[str, str]:
        """The complete environment of a command."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ST_PIPELINE_HOME": str(self.folder),
            **self.variables,
        }

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def pipeline(self, sandbox_url: str) -> Pipeline:
        """The parts of a sync in this process, connected to an API."""
        self.variables["ST_PIPELINE_SANDBOX_URL"] = sandbox_url
        return open_pipeline(self.settings)

    def connect(self, database: str = "warehouse") -> psycopg.Connection:
        return postgres.connect(postgres.warehouse(self.settings).with_name(database), autocommit=True)

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command without waiting for it; ``finish`` waits."""
        return subprocess.Popen(
            [COMMAND, *command],
            env={**self.environment, **variables},
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str], stdin: str | None = None) -> Said:
        """Wait for a started command; its output is added to ``said``."""
        assert isinstance(process.args, list)
        out, err = process.communicate(stdin, timeout=PATIENCE_SECONDS)
        said = Said(tuple(map(str, process.args[1:])), process.returncode, out, err)
        self.said.append(said)
        return said

    def run(self, *command: str, stdin: str | None = None, status: int | None = 0, **variables: str) -> Said:
        """Run a command to its end; it must end with ``status`` (None: any)."""
        said = self.finish(self.start(*command, **variables), stdin)
        assert status is None or said.status == status, str(said)
        return said

    def register(self, account: Account, key: str, **facts: str) -> None:
        """Register an account without calling the API."""
        own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
        with open_pipeline(self.settings).registry() as registry:
            tenant = new_tenant(key=key, tenant_id=account.tenant_id, environment="sandbox", **facts)
            registry.add(tenant, own)

    def save(self, name: str) -> None:
        """Save database and landing zone for ``restore``. No connections may be open."""
        self._copy_database("warehouse", f"saved_{name}")
        shutil.rmtree(self.folder / f"saved_{name}", ignore_errors=True)
        if self.landing.exists():
            shutil.copytree(self.landing, self.folder / f"saved_{name}")

    def restore(self, name: str) -> None:
        """Restore the saved state; ends any open connections."""
        self._copy_database(f"saved_{name}", "warehouse")
        shutil.rmtree(self.landing, ignore_errors=True)
        if (self.folder / f"saved_{name}").exists():
            shutil.copytree(self.folder / f"saved_{name}", self.landing)

    def _copy_database(self, source: str, target: str) -> None:
        database = postgres.warehouse(self.settings)
        postgres.drop_database(database.with_name(target))
        with self.connect("postgres") as connection:
            copy = sql.SQL("create database {} template {}")
            connection.execute(copy.format(sql.Identifier(target), sql.Identifier(source)))

    def empty(self) -> None:
        """Delete every record, file and cursor; the tenants stay."""
        with self.connect() as connection:
            tables = connection.execute(
                """
                select schemaname, tablename from pg_tables
                where schemaname = 'raw' or schemaname = 'control' and tablename not in
                    ('schema_version', 'tenants', 'credentials', 'removed_tenants', 'audit')
                """
            ).fetchall()
            names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
            connection.execute(sql.SQL("truncate {} restart identity cascade").format(names))
        shutil.rmtree(self.landing, ignore_errors=True)

    def forget_tenants(self) -> None:
        """Empty the registry as well."""
        self.empty()
        with self.connect() as connection:
            connection.execute("truncate control.tenants, control.credentials, control.removed_tenants cascade")
