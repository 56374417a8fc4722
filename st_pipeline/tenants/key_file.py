"""The vault's keys in a file, for those who set none: made at first use, closed to everybody else.

Encryption is in vault.py. One key a line, the newest first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
from pathlib import Path

from cryptography.fernet import Fernet

from st_pipeline.secret import Secret
from st_pipeline.tenants.errors import VaultKeyInvalid

FILE_NAME = "secret.key"
MODE = 0o600

_log = logging.getLogger(__name__)


def path(home: Path) -> Path:
    """Where the keys of ``home`` are."""
    return home / FILE_NAME


def read_or_create(home: Path) -> tuple[Secret, ...]:
    """The keys of ``home``, newest first. Without a file one key is made, and a warning logged.

    Raises:
        VaultKeyInvalid: others may read the file, it is empty, or it cannot be read.
    """
    file = path(home)
    if not file.exists() and _create(file):
        _log.warning(
            "ST_PIPELINE_SECRET_KEYS is not set: made a key in %s. Keep a copy of it in a safe place; "
            "without it the stored credentials cannot be read.",
            file,
        )
    return _read(file)


def add_newest(home: Path) -> tuple[Secret, ...]:
    """Put a new key on top of the file of ``home``; the keys, newest first. Older ones stay: data may need them."""
    keys = read_or_create(home)
    newest = Secret(Fernet.generate_key().decode())
    file = path(home)
    _written_beside(file, (newest, *keys)).replace(file)
    return (newest, *keys)


def _create(file: Path) -> bool:
    """Whether this process made the file; another may have been first, and its key is the one then."""
    file.parent.mkdir(parents=True, exist_ok=True)
    ready = _written_beside(file, (Secret(Fernet.generate_key().decode()),))
    try:
        # A link appears whole or not at all, and never over another: no reader sees half a key.
        file.hardlink_to(ready)
    except FileExistsError:
        return False
    else:
        return True
    finally:
        ready.unlink()


def _written_beside(file: Path, keys: tuple[Secret, ...]) -> Path:
    """The keys in a new file of the same folder, on disk."""
    ready = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(ready, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as stream:
            stream.writelines(f"{key.reveal()}\n" for key in keys)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            ready.unlink()
        raise
    return ready


def _read(file: Path) -> tuple[Secret, ...]:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise VaultKeyInvalid(f"the key file {file} is open to others (mode {mode:04o}); run: chmod 600 {file}")
        keys = tuple(Secret(line) for line in file.read_text().split())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise VaultKeyInvalid(
            f"the key file {file} cannot be read ({reason}); restore it, or set ST_PIPELINE_SECRET_KEYS"
        ) from None
    if not keys:
        raise VaultKeyInvalid(f"the key file {file} is empty; restore it, or set ST_PIPELINE_SECRET_KEYS")
    return keys
