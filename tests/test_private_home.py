"""private_home.py: nothing in a home is for other users of the machine, whatever the umask."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from st_pipeline import embedded_place, private_home
from st_pipeline.settings import PROJECT_ROOT
from tests.own_server import own_home

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))


@pytest.fixture
def home() -> Iterator[Path]:
    with own_home() as home:
        yield home


@pytest.fixture(params=[0, 1000], ids=["root", "another user"])
def user(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """As whom the process runs, as far as the home is concerned."""
    monkeypatch.setattr(os, "geteuid", lambda: request.param)
    return request.param


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(home: Path) -> Path:
    """An open home as earlier versions left it; returns one of its files."""
    file = home / "landing" / "crm_customers" / "tenant=acme" / "1-0.parquet"
    file.parent.mkdir(parents=True)
    file.write_text("Ann, 12 Main Street")
    (home / "alerts.toml").write_text("")
    for folder in (home, *(each for each in home.rglob("*") if each.is_dir())):
        folder.chmod(0o755)
    for each in (file, home / "alerts.toml"):
        each.chmod(0o644)
    return file


def open_to_others(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if not path.is_symlink() and mode(path) & 0o077]


def test_an_open_home_is_closed_with_everything_in_it(home: Path, user: int) -> None:
    file = fill(home)
    private_home.close(home)
    assert mode(home) == (0o711 if user == 0 else 0o700), "as root, PostgreSQL's user must pass through"
    assert open_to_others(home) == []
    assert file.read_text() == "Ann, 12 Main Street"


def test_a_home_that_is_closed_already_stays_as_it_is(home: Path, user: int) -> None:
    home.chmod(0o700)
    (home / "logs").mkdir(mode=0o700)
    private_home.close(home)
    assert (mode(home), mode(home / "logs")) == (0o700, 0o700)


def test_what_was_added_to_a_closed_home_is_closed_too(home: Path, user: int) -> None:
    private_home.close(home)
    file = fill(home)
    home.chmod(0o700)
    private_home.close(home)
    assert mode(file) == 0o600


def test_a_home_in_a_home_keeps_its_server_reachable(home: Path, user: int) -> None:
    demo = home / "demo"
    private_home.create(demo)
    (demo / "postgres").mkdir(mode=0o700)
    file = fill(demo)
    private_home.close(home)
    assert mode(demo) == (0o711 if user == 0 else 0o700)
    assert mode(file) == 0o600


def test_links_are_not_followed(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "shared"
    outside.mkdir()
    outside.chmod(0o755)
    (home / "link").symlink_to(outside)
    (home / "broken").symlink_to(home / "nothing")
    private_home.close(home)
    assert mode(outside) == 0o755


def test_a_home_that_does_not_exist_is_created_closed(home: Path, user: int) -> None:
    inner = home / "opt" / "data"
    private_home.close(inner)
    assert not inner.exists()
    private_home.create(inner)
    assert mode(inner) == mode(inner.parent) == (0o711 if user == 0 else 0o700)


def test_a_command_closes_the_home_and_what_it_writes_whatever_the_callers_umask(home: Path) -> None:
    file = fill(home)
    done = subprocess.run(
        [COMMAND, "tenants", "add", "acme", "--tenant-id", "1", "--environment", "sandbox", "--client-id", "cid.1",
         "--client-secret-file", "-"],
        env={**os.environ, "ST_PIPELINE_HOME": str(home), "ST_PIPELINE_SANDBOX_URL": "http://127.0.0.1:9"},
        cwd=PROJECT_ROOT, input="cs1.x", text=True, umask=0, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert mode(file) == 0o600
    ours = [path for path in open_to_others(home) if not path.is_relative_to(embedded_place.place(home).data)]
    assert ours == []
    assert list(home.iterdir()), "the command wrote something"
    shutil.rmtree(home)


def test_dagsters_own_processes_write_for_their_user_only(home: Path) -> None:
    code = "import os; os.umask(0); from st_pipeline.definitions import defs; defs(); print(oct(os.umask(0)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "ST_PIPELINE_HOME": str(home)}, text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    assert done.stdout == "0o77\n"


def test_a_key_that_others_could_read_is_not_hidden(home: Path) -> None:
    key = home / private_home.KEY_FILE
    key.write_text("key")
    key.chmod(0o644)
    private_home.close(home)
    assert mode(key) == 0o644, "key_file.py refuses it"
