"""postgres.py and embedded_postgres.py: one real server, its connection forms, its lifetime, its migrations."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from st_pipeline import embedded_place, postgres
from st_pipeline.secret import Secret
from st_pipeline.settings import PROJECT_ROOT, Settings

CANARY = "canary-p@ss/word:?"


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that the server's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="st-pipeline-postgres-"))
    folder.chmod(0o755)
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


def test_the_server_runs_while_any_process_uses_it_and_keeps_its_data(home: Path) -> None:
    first = run(home, PREPARE + "input()\n", stdin=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not is_running(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    made = "with postgres.connect(database) as c: c.execute('create table kept as select 1 as x')\n"
    second = run(home, PREPARE + made)
    assert second.communicate(timeout=60)[0] == ""
    assert second.returncode == 0
    assert is_running(home), "the first one still uses it"
    first.communicate("\n", timeout=60)
    assert not is_running(home), "no process is left"
    third = run(home, PREPARE + "print(postgres.connect(database).execute('select x from kept').fetchone())\n")
    assert third.communicate(timeout=60)[0].strip() == "(1,)"


def test_after_a_killed_process_the_next_one_finds_the_server_and_stops_it(home: Path) -> None:
    killed = run(home, PREPARE + "print('ready', flush=True)\ninput()\n", stdin=subprocess.PIPE)
    assert killed.stdout
    assert killed.stdout.readline() == "ready\n"
    killed.kill()
    killed.wait()
    killed.stdout.close()
    assert killed.stdin
    killed.stdin.close()
    assert is_running(home)
    after = run(home, PREPARE + "print('fine')")
    assert after.communicate(timeout=60)[0] == "fine\n"
    assert not is_running(home)


def test_two_concurrent_first_starts_create_one_server(home: Path) -> None:
    both = [run(home, PREPARE + "print('fine')") for _ in range(2)]
    assert [process.communicate(timeout=90)[0] for process in both] == ["fine\n", "fine\n"]


@pytest.mark.skipif(os.geteuid() != 0, reason="the server needs its own user only when it is started as root")
def test_concurrent_first_starts_of_two_homes_share_one_new_user(home: Path) -> None:
    """Like a fresh machine where each worker of a suite has its own home; the slow useradd makes them collide."""
    user = "st-pipeline-first"
    slow = home / "useradd"
    slow.write_text(f'#!/bin/sh\nsleep 1\nexec {shutil.which("useradd")} "$@"\n')
    slow.chmod(0o755)
    named = f"import os\nos.environ['PATH'] = '{home}:' + os.environ['PATH']\n"
    named += f"from st_pipeline import embedded_place\nembedded_place.SYSTEM_USER = {user!r}\n"
    homes = [home / name for name in ("one", "two")]
    for each in homes:
        each.mkdir(mode=0o755)
    try:
        starts = [run(each, named + PREPARE + "print('fine')") for each in homes]
        assert [process.communicate(timeout=120)[0] for process in starts] == ["fine\n"] * len(homes)
    finally:
        subprocess.run(["userdel", user], check=False, capture_output=True)


def test_a_connection_that_is_about_to_end_does_not_keep_the_server_running(home: Path) -> None:
    """For example the backend of a connection that was just closed: if it counted, the server would run forever."""
    connect = f"psycopg.connect(host={str(embedded_place.place(home).socket)!r}, user='postgres', dbname='postgres')"
    other = f"import psycopg, time; c = {connect}; print('in', flush=True); time.sleep(1)"
    leave = f"other = subprocess.Popen([sys.executable, '-c', {other!r}], stdout=subprocess.PIPE)\n"
    ended = run(home, "import subprocess, sys\n" + PREPARE + leave + "other.stdout.readline()\n")
    ended.communicate(timeout=60)
    assert not is_running(home)


def test_the_last_of_many_processes_that_exit_together_stops_the_server(home: Path) -> None:
    many = [run(home, PREPARE + "print('in', flush=True)\ninput()\n", stdin=subprocess.PIPE) for _ in range(6)]
    for process in many:
        assert process.stdout
        assert process.stdout.readline() == "in\n"
    for process in many:
        assert process.stdin
        process.stdin.close()
    for process in many:
        process.wait(timeout=60)
        assert process.stdout
        process.stdout.close()
    assert not is_running(home)


def test_no_parent_folder_is_opened_and_data_is_private(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "home"
    process = run(inside, PREPARE + "print(database.host)")
    said = process.communicate(timeout=60)[0].strip()
    assert process.returncode == 0, said
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    where = embedded_place.place(inside)
    assert stat.S_IMODE(where.data.stat().st_mode) == 0o700
    assert said == str(where.socket)
    if os.geteuid() == 0:
        assert not where.data.is_relative_to(closed), "another user could not access it"
        shutil.rmtree(where.data)


def test_a_home_with_a_long_path_gets_its_socket_elsewhere(home: Path) -> None:
    deep = home / ("long" * 30)
    where = embedded_place.place(deep)
    assert len(str(where.socket / embedded_place.SOCKET_NAME)) <= embedded_place.LONGEST_SOCKET_PATH


def test_the_server_listens_on_no_address(home: Path) -> None:
    process = run(
        home,
        PREPARE
        + "print(postgres.connect(database).execute(\"select current_setting('listen_addresses')\").fetchone())",
    )
    assert process.communicate(timeout=60)[0].strip() == "('',)"


def test_every_connection_form_reaches_the_same_database(home: Path) -> None:
    code = """
import adbc_driver_postgresql.dbapi, psycopg, sqlalchemy
urls = database.url().reveal(), database.url("postgresql+psycopg2").reveal()
assert psycopg.connect(urls[0]).info.dbname == "warehouse"
assert psycopg.connect(**database.parameters()).info.dbname == "warehouse"
with sqlalchemy.create_engine(urls[1]).connect() as c:
    assert c.execute(sqlalchemy.text("select current_database()")).scalar() == "warehouse"
with adbc_driver_postgresql.dbapi.connect(urls[0]) as c, c.cursor() as cursor:
    cursor.execute("select current_database()")
    assert cursor.fetchone() == ("warehouse",)
print("fine")
"""
    assert run(home, PREPARE + code).communicate(timeout=60)[0] == "fine\n"


@pytest.mark.parametrize(
    "dsn", ["postgresql://us%40er:{}@db.example:6543/house?sslmode=require", "postgresql://u@[::1]/h"]
)
def test_a_dsn_keeps_its_parts_in_every_form(dsn: str) -> None:
    from urllib.parse import quote

    database = postgres.Database.from_dsn(Secret(dsn.format(quote(CANARY, safe=""))), default_name="warehouse")
    again = postgres.Database.from_dsn(database.url(), default_name="warehouse")
    assert again == database
    parsed = sqlalchemy.make_url(database.url("postgresql+psycopg2").reveal())
    assert (parsed.host, parsed.database) == (database.host, database.name)
    assert parsed.password == (database.password.reveal() if database.password else None)
    assert CANARY not in repr(database)


def test_a_server_that_cannot_be_reached_is_named_without_the_password() -> None:
    dsn = Secret("postgresql://user:canary@127.0.0.1:1/house")
    with pytest.raises(postgres.PostgresError) as refused:
        postgres.connect(postgres.Database.from_dsn(dsn, default_name="warehouse"))
    assert "127.0.0.1:1" in str(refused.value)
    assert "ST_PIPELINE_DSN" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_an_invalid_dsn_is_rejected_without_being_repeated() -> None:
    with pytest.raises(postgres.PostgresError) as refused:
        postgres.Database.from_dsn(Secret("postgresql://canary:canary@host:port:port/"), default_name="warehouse")
    assert "canary" not in str(refused.value)


def test_a_database_of_an_older_version_is_upgraded_with_its_rows(home: Path) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(home)})
    code = f"""
from st_pipeline.settings import Settings
settings = Settings.from_environment({{"ST_PIPELINE_HOME": {str(settings.home)!r}}})
database = postgres.warehouse(settings)
postgres.ensure_database(database)
postgres.migrate(database, "0001")
with postgres.connect(database, autocommit=True) as c:
    c.execute("insert into control.tenants (key, name, tenant_id, environment, timezone, cadence, status_detail) "
              "values ('acme', 'Acme', 1, 'sandbox', 'UTC', 'nightly', '')")
postgres.migrate(database)
postgres.migrate(database)
with postgres.connect(database, autocommit=True) as c:
    print(c.execute("select key from control.tenants").fetchall(),
          c.execute("select count(*) from control.landed_files").fetchone(),
          c.execute("select count(*) from control.schema_version").fetchone())
"""
    said, _ = run(home, code).communicate(timeout=60)
    assert said.strip() == "[('acme',)] (0,) (1,)"


def test_a_missing_database_is_created_once_even_by_two_processes(home: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
server = postgres.warehouse(Settings.from_environment())
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda _: postgres.ensure_database(server.with_name("another")), range(4)))
print(postgres.connect(server.with_name("another")).info.dbname)
postgres.drop_database(server.with_name("another"))
postgres.drop_database(server.with_name("another"))
"""
    assert run(home, code).communicate(timeout=60)[0].strip() == "another"


def test_psycopg_is_in_utc_whatever_the_server_says(home: Path) -> None:
    code = PREPARE + "print(postgres.connect(database).execute('show timezone').fetchone())"
    assert run(home, code).communicate(timeout=60)[0].strip() == "('UTC',)"
