"""Encrypts secrets at rest with a list of keys: the newest encrypts, and all of them decrypt.

registry.py stores the ciphertext, key_file.py the default key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants import key_file
from st_pipeline.tenants.errors import VaultKeyInvalid, VaultLocked

SETTING = "ST_PIPELINE_SECRET_KEYS"
MAKE_A_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


class Vault:
    """Encrypts and decrypts secrets. Every ciphertext includes its purpose, so it decrypts for nothing else.

    A purpose is a line of text, like ``acme client_secret``: a row copied to another tenant does not decrypt.
    """

    def __init__(self, keys: Sequence[Secret], source: str = SETTING) -> None:
        """``keys``: newest first, each 32 bytes in URL-safe base64; ``source``: the place to name in errors.

        Raises:
            VaultKeyInvalid: there is no key, or one of them is invalid.
        """
        if not keys:
            raise VaultKeyInvalid(f"{source} contains no key; create one with: {MAKE_A_KEY}")
        self._source = source
        self._fernet = MultiFernet([_fernet(key, place, source) for place, key in enumerate(keys, 1)])

    def encrypt(self, secret: Secret, purpose: str) -> str:
        """The ciphertext, plain ASCII."""
        return self._fernet.encrypt(f"{purpose}\n{secret.reveal()}".encode()).decode()

    def decrypt(self, ciphertext: str, purpose: str) -> Secret:
        """The secret that ``encrypt`` received for the same purpose.

        Raises:
            VaultLocked: no key decrypts it, or it was stored for another purpose.
        """
        try:
            plain = self._fernet.decrypt(ciphertext).decode()
        except InvalidToken:
            raise self._locked(purpose) from None
        stored_for, _, value = plain.partition("\n")
        if stored_for != purpose:
            raise VaultLocked(
                f"{purpose}: the stored value belongs to another tenant or field", Step(Do.ENTER_CREDENTIALS)
            )
        return Secret(value)

    def renew(self, ciphertext: str, purpose: str) -> str:
        """The same secret, encrypted with the newest key. Raises VaultLocked if no key decrypts it."""
        try:
            return self._fernet.rotate(ciphertext).decode()
        except InvalidToken:
            raise self._locked(purpose) from None

    def _locked(self, purpose: str) -> VaultLocked:
        return VaultLocked(
            f"{purpose}: no key in {self._source} decrypts the stored value",
            Step(Do.RESTORE_VAULT_KEY, self._source),
            Step(Do.ENTER_CREDENTIALS),
        )

    def __repr__(self) -> str:
        return f"Vault(keys from {self._source})"


def keys_from(settings: Settings) -> tuple[Secret, ...]:
    """The keys in the settings, or else in the home's key file, which is created at first use.

    Raises:
        VaultKeyInvalid: other users can access the key file, or it cannot be read.
    """
    return settings.secret_keys or key_file.read_or_create(settings.home)


def open_vault(settings: Settings) -> Vault:
    """The vault of these settings. Raises VaultKeyInvalid."""
    return Vault(keys_from(settings), source=SETTING if settings.secret_keys else str(key_file.path(settings.home)))


def open_vault_of(connection: psycopg.Connection[Any], settings: Settings) -> Vault:
    """The vault for the credentials that ``connection`` reaches.

    Raises:
        VaultKeyInvalid: as ``open_vault``, or there are credentials but their key file is missing.
    """
    file = key_file.path(settings.home)
    if not settings.secret_keys and not file.exists():
        row = connection.execute("select exists (select from control.credentials)").fetchone()
        if row and row[0]:
            raise VaultKeyInvalid(
                f"the key file {file} is missing, and the stored credentials need it; restore it from a backup. If it "
                f"is lost, create another one with: (umask 077; {MAKE_A_KEY} > {file}), and enter the credentials of "
                "every tenant again"
            )
    return open_vault(settings)


def _fernet(key: Secret, place: int, source: str) -> Fernet:
    try:
        return Fernet(key.reveal())
    except ValueError:
        pass  # drops the error: outside this block, nothing refers to the key
    raise VaultKeyInvalid(
        f"key {place} in {source} is invalid (it must be 32 bytes in URL-safe base64); create one with: {MAKE_A_KEY}"
    )
