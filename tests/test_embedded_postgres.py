"""embedded_postgres.py: the life of a server of the project's own, from its first start to its stop."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from st_pipeline import embedded_place, embedded_postgres
from st_pipeline.settings import Settings
from tests.own_server import PREPARE, is_running, own_home, run
from tests.support.waiting import PATIENCE_SECONDS, wait_for


@pytest.fixture
def home() -> Iterator[Path]:
    with own_home() as home:
        yield home


def test_the_server_runs_while_any_process_uses_it_and_keeps_its_data(home: Path) -> None:
    first = run(home, PREPARE + "input()\n", stdin=subprocess.PIPE)
    wait_for("the server", lambda: is_running(home), first)
    made = "with postgres.connect(database) as c: c.execute('create table kept as select 1 as x')\n"
    second = run(home, PREPARE + made)
    assert second.communicate(timeout=PATIENCE_SECONDS)[0] == ""
    assert second.returncode == 0
    assert is_running(home), "the first one still uses it"
    first.communicate("\n", timeout=PATIENCE_SECONDS)
    assert not is_running(home), "no process is left"
    third = run(home, PREPARE + "print(postgres.connect(database).execute('select x from kept').fetchone())\n")
    assert third.communicate(timeout=PATIENCE_SECONDS)[0].strip() == "(1,)"


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
    assert after.communicate(timeout=PATIENCE_SECONDS)[0] == "fine\n"
    assert not is_running(home)


def test_two_concurrent_first_starts_create_one_server(home: Path) -> None:
    both = [run(home, PREPARE + "print('fine')") for _ in range(2)]
    assert [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in both] == ["fine\n", "fine\n"]


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
        assert [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in starts] == ["fine\n"] * len(homes)
    finally:
        subprocess.run(["userdel", user], check=False, capture_output=True)


def test_a_connection_that_is_about_to_end_does_not_keep_the_server_running(home: Path) -> None:
    """For example the backend of a connection that was just closed: if it counted, the server would run forever."""
    connect = f"psycopg.connect(host={str(embedded_place.place(home).socket)!r}, user='postgres', dbname='postgres')"
    other = f"import psycopg, time; c = {connect}; print('in', flush=True); time.sleep(1)"
    leave = f"other = subprocess.Popen([sys.executable, '-c', {other!r}], stdout=subprocess.PIPE)\n"
    ended = run(home, "import subprocess, sys\n" + PREPARE + leave + "other.stdout.readline()\n")
    ended.communicate(timeout=PATIENCE_SECONDS)
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
        process.wait(timeout=PATIENCE_SECONDS)
        assert process.stdout
        process.stdout.close()
    assert not is_running(home)


def test_the_server_listens_on_no_address(home: Path) -> None:
    process = run(
        home,
        PREPARE
        + "print(postgres.connect(database).execute(\"select current_setting('listen_addresses')\").fetchone())",
    )
    assert process.communicate(timeout=PATIENCE_SECONDS)[0].strip() == "('',)"


def test_a_process_attaches_once_and_gets_the_socket_that_it_can_connect_to(server_settings: Settings) -> None:
    socket = embedded_postgres.attach(server_settings.home)
    assert embedded_postgres.attach(server_settings.home) == socket
    query = "select count(*) from pg_stat_activity where application_name = %s and pid <> pg_backend_pid()"
    with psycopg.connect(host=str(socket), user=embedded_postgres.SUPERUSER, dbname="postgres") as connection:
        assert connection.execute(query, (embedded_postgres.KEEPER,)).fetchone() == (1,), "one keeper a process"


def test_the_server_has_the_options_that_it_was_given(server_settings: Settings) -> None:
    socket = embedded_postgres.attach(server_settings.home)
    with psycopg.connect(host=str(socket), user=embedded_postgres.SUPERUSER, dbname="postgres") as connection:
        for name, value in embedded_postgres.SERVER_OPTIONS.items():
            found = connection.execute("select current_setting(%s)", (name,)).fetchone()
            assert found == (value,), name
        locale = connection.execute("select datlocprovider, datlocale, encoding from pg_database").fetchall()
        assert set(locale) == {("b", "C.UTF-8", 6)}, "the same order of texts on every machine"


def test_no_other_user_of_the_machine_gets_to_the_socket_or_the_data(server_settings: Settings) -> None:
    where = embedded_place.place(server_settings.home)
    for folder in (where.socket, where.data, where.cluster):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((where.socket / embedded_place.SOCKET_NAME).stat().st_mode) == 0o700


@pytest.mark.parametrize("program", ["psql", "pg_dump"])
def test_the_programs_for_people_are_of_the_servers_version(server_settings: Settings, program: str) -> None:
    path = embedded_postgres.binary(server_settings.home, program)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    assert f" {embedded_place.VERSION}." in said


def test_a_first_start_that_was_killed_is_begun_again(home: Path) -> None:
    half = embedded_place.place(home).data / "making"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("half")
    process = run(home, PREPARE + "print('fine')")
    assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "fine\n"
    assert not half.exists()


def test_a_server_that_does_not_start_is_told_with_the_end_of_its_log_and_what_to_do(home: Path) -> None:
    assert run(home, PREPARE + "print('fine')").communicate(timeout=PATIENCE_SECONDS)[0] == "fine\n"
    control_file = embedded_place.place(home).cluster / "global" / "pg_control"
    control_file.rename(control_file.with_suffix(".gone"))
    process = run(home, PREPARE)
    said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode != 0
    assert "EmbeddedPostgresError: the embedded PostgreSQL in" in said
    assert "set ST_PIPELINE_DSN to use another" in said
    assert "could not find the database system" in said, "the server's own words"
    control_file.with_suffix(".gone").rename(control_file)
    assert run(home, PREPARE + "print('fine')").communicate(timeout=PATIENCE_SECONDS)[0] == "fine\n", (
        "nothing of it was touched"
    )


def test_the_servers_user_reaches_the_copied_programs_whatever_the_umask(tmp_path: Path) -> None:
    """As root, the programs of a private installation are copied to where the server's user can run them."""
    place = replace(embedded_place.place(tmp_path), binaries=tmp_path / "system" / "postgresql" / "install" / "bin")
    before = os.umask(0o077)
    try:
        embedded_postgres._ensure_binaries(place)
    finally:
        os.umask(before)
    for folder in (place.binaries, place.binaries.parent, place.binaries.parents[1]):
        assert folder.stat().st_mode & stat.S_IXOTH, folder
    assert (place.binaries / "postgres").stat().st_mode & stat.S_IXOTH
