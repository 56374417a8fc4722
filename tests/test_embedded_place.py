"""embedded_place.py: where the server of a home keeps its data, socket and programs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from st_pipeline import embedded_place
from tests.own_server import PREPARE, own_home, run
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture
def home() -> Iterator[Path]:
    with own_home() as home:
        yield home


def test_no_parent_folder_is_opened_and_data_is_private(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "home"
    process = run(inside, PREPARE + "print(database.host)")
    said = process.communicate(timeout=PATIENCE_SECONDS)[0].strip()
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


def everyone_reaches(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


@pytest.fixture(params=[0, 1000], ids=["root", "another user"])
def user(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """As whom the process runs, as far as the place is concerned."""
    monkeypatch.setattr(os, "geteuid", lambda: request.param)
    return request.param


def test_a_home_that_everyone_may_reach_has_its_data_in_it(user: int, home: Path) -> None:
    where = embedded_place.place(home)
    if user == 0 and not everyone_reaches(embedded_place.wheel_binaries()):
        pytest.skip("the programs themselves are out of another user's reach")
    assert where.data == home / "postgres"
    assert where.cluster == home / "postgres" / "cluster"
    assert where.socket == home / "postgres" / "socket"
    assert where.binaries == embedded_place.wheel_binaries()
    assert where.user == (embedded_place.SYSTEM_USER if user == 0 else None)


def test_only_root_puts_the_data_of_a_closed_home_elsewhere_each_in_a_folder_of_its_own(user: int, home: Path) -> None:
    for name in ("one", "two"):
        (home / name).mkdir(mode=0o700)
    one, two = (embedded_place.place(home / name) for name in ("one", "two"))
    if user:
        assert (one.data, two.data) == (home / "one" / "postgres", home / "two" / "postgres")
        assert one.binaries == embedded_place.wheel_binaries()
    else:
        assert one.data.parent == two.data.parent == embedded_place.SYSTEM_FOLDER
        assert one.data != two.data
        assert one.binaries.is_relative_to(embedded_place.SYSTEM_FOLDER)
        assert one.binaries == two.binaries, "they share the programs"


def test_a_folder_above_that_is_closed_closes_the_home_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    inside = home / "closed" / "open" / "home"
    inside.mkdir(parents=True)
    for folder in (inside, inside.parent):
        folder.chmod(0o755)  # whatever the umask
    (home / "closed").chmod(0o700)
    assert not embedded_place.place(inside).data.is_relative_to(home)
    (home / "closed").chmod(0o711)
    if everyone_reaches(embedded_place.wheel_binaries()):
        assert embedded_place.place(inside).data == inside / "postgres", "to walk through is enough"


def test_the_same_home_is_always_in_the_same_place_and_looking_makes_nothing(user: int, home: Path) -> None:
    missing = home / "not" / "there"
    assert embedded_place.place(missing) == embedded_place.place(missing)
    assert list(home.iterdir()) == []


def test_two_homes_with_long_paths_have_sockets_of_their_own(user: int, home: Path) -> None:
    sockets = {embedded_place.place(home / ("long" * 30) / name).socket for name in ("one", "two")}
    assert len(sockets) == 2
    for socket in sockets:
        assert len(str(socket / embedded_place.SOCKET_NAME)) <= embedded_place.LONGEST_SOCKET_PATH


@pytest.mark.parametrize("program", ["postgres", "initdb", "pg_ctl", "psql", "pg_dump"])
def test_the_wheel_has_the_programs_of_the_version(program: str) -> None:
    said = subprocess.run([embedded_place.wheel_binaries() / program, "--version"], capture_output=True, text=True)
    assert f" {embedded_place.VERSION}." in said.stdout
