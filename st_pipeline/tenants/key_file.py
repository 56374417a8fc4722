"""The file with the vault's keys, used if none are set: created at first use, accessible only to its owner.

vault.py encrypts. The file has one key per line, the newest first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
from pathlib import Path

from cryptography.fernet import Fernet

from st_pipeline import private_home, secret_file
from st_pipeline.secret import Secret
from st_pipeline.tenants.errors import VaultKeyInvalid

FILE_NAME = private_home.KEY_FILE
MODE = 0o600

_log = logging.getLogger(__name__)


def path(home: Path) -> Path:
    """The key file of ``home``."""
    return home / FILE_NAME


def read_or_create(home: Path) -> tuple[Secret, ...]:
    """The keys of ``home``, newest first. If there is no file, creates one with one key and logs a warning.

    Raises:
        VaultKeyInvalid: other users can access the file, it is empty, or it cannot be read.
    """
    file = path(home)
    if not file.exists() and _create(file):
        _log.warning(
            "ST_PIPELINE_SECRET_KEYS is not set, so a key was created in %s. Keep a copy in a safe place: "
            "without it, the stored credentials cannot be decrypted.",
            file,
        )
    return _read(file)


def add_newest(home: Path) -> tuple[Secret, ...]:
    """Add a new key at the top of ``home``'s file, keeping older ones. Returns the keys, newest first."""
    keys = read_or_create(home)
    newest = Secret(Fernet.generate_key().decode())
    file = path(home)
    _written_beside(file, (newest, *keys)).replace(file)
    return (newest, *keys)


def _create(file: Path) -> bool:
    """Create the file; False if another process was first, so its key is the one to use."""
    private_home.create(file.parent)
    ready = _written_beside(file, (Secret(Fernet.generate_key().decode()),))
    try:
        # A link is atomic and never overwrites a file, so no reader sees half a key.
        file.hardlink_to(ready)
    except FileExistsError:
        return False
    else:
        return True
    finally:
        ready.unlink()


def _written_beside(file: Path, keys: tuple[Secret, ...]) -> Path:
    """Write the keys to a new file in the same folder, flushed to disk."""
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
            raise VaultKeyInvalid(
                f"other users can access the key file {file} (mode {mode:04o}); to fix that, run: chmod 600 {file}"
            )
        keys = tuple(Secret(line) for line in secret_file.read(file).split())
    except (OSError, secret_file.SecretFileError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise VaultKeyInvalid(
            f"the key file {file} cannot be read ({reason}); restore it, or set ST_PIPELINE_SECRET_KEYS"
        ) from None
    if not keys:
        raise VaultKeyInvalid(f"the key file {file} is empty; restore it, or set ST_PIPELINE_SECRET_KEYS")
    return keys
