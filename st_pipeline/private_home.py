"""Keeps a home closed to other users of the machine: landed files, logs and reports contain personal data.

Whatever the umask of the caller: new files are private, and a home that others could read is closed when it is used.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

UMASK = 0o077
KEY_FILE = "secret.key"
"""The vault's key. If others could read it, key_file.py refuses it: closing it would hide that someone may have it."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PASS_THROUGH = stat.S_IXGRP | stat.S_IXOTH


def keep_new_files_private() -> None:
    """From now on, this process and those it starts create files and folders for their own user only."""
    os.umask(UMASK)


def create(home: Path) -> None:
    """Create the home and its missing parents, and close a home that exists.

    As root, others may pass through but not look: PostgreSQL runs as another user and has its folder inside.
    """
    for folder in reversed([home, *home.parents]):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    close(home)


def close(home: Path) -> None:
    """Close the home to others, with everything in it that they could read; does nothing if there is no home.

    It looks into a folder only if others could, so this costs next to nothing once the home is closed.
    """
    if not home.is_dir():
        return
    kept = _PASS_THROUGH if os.geteuid() == 0 else 0
    _forbid(home, kept)
    for entry in home.iterdir():
        if (entry / "postgres").is_dir():
            close(entry)  # a home in this one, like the demo's
        elif entry.name != KEY_FILE:
            _close_tree(entry)


def _close_tree(entry: Path) -> None:
    if not _forbid(entry) or not entry.is_dir():
        return
    # The top is closed first, so that no one enters meanwhile.
    for folder, folders, files in os.walk(entry):
        for name in (*folders, *files):
            _forbid(Path(folder, name))


def _forbid(path: Path, kept: int = 0) -> bool:
    """Take everything but ``kept`` from others; whether there was anything to take."""
    # Another process may delete it meanwhile. What belongs to another user, they must close.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        found = path.lstat()
        taken = stat.S_IMODE(found.st_mode) & _OTHERS & ~kept
        if taken and not stat.S_ISLNK(found.st_mode):
            path.chmod(stat.S_IMODE(found.st_mode) & ~taken)
            return True
    return False
