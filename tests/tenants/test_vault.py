"""Encryption of secrets, and the rotation of its keys."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.web.service import prepared
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.errors import VaultKeyInvalid, VaultLocked
from st_pipeline.tenants.model import new_tenant
from st_pipeline.tenants.registry import Registry
from st_pipeline.tenants.vault import Vault, keys_from, open_vault

from .conftest import CANARY_SECRET

OWN = OwnCredentials("cid.acme", Secret(CANARY_SECRET), Secret("ak1.acme"))


def new_key() -> Secret:
    return Secret(Fernet.generate_key().decode())


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_goes_in_comes_out_and_is_not_seen_in_between(value: str) -> None:
    vault = Vault([new_key()])
    stored = vault.encrypt(Secret(value), "tenant acme, client_secret")
    assert vault.decrypt(stored, "tenant acme, client_secret") == Secret(value)
    assert len(value) < 4 or value not in stored


def test_a_ciphertext_opens_only_for_its_own_purpose() -> None:
    vault = Vault([new_key()])
    stored = vault.encrypt(Secret(CANARY_SECRET), "tenant acme, client_secret")
    for other in ("tenant bolt, client_secret", "tenant acme, app_key", "tenant acme"):
        with pytest.raises(VaultLocked) as refused:
            vault.decrypt(stored, other)
        assert CANARY_SECRET not in "".join(traceback.format_exception(refused.value))


def test_older_keys_still_open_what_they_closed() -> None:
    old, new = new_key(), new_key()
    stored = Vault([old]).encrypt(Secret("x"), "p")
    assert Vault([new, old]).decrypt(stored, "p") == Secret("x")


def test_the_newest_key_closes() -> None:
    old, new = new_key(), new_key()
    stored = Vault([new, old]).encrypt(Secret("x"), "p")
    assert Vault([new]).decrypt(stored, "p") == Secret("x")
    with pytest.raises(VaultLocked):
        Vault([old]).decrypt(stored, "p")


def test_renewed_ciphertext_needs_the_newest_key_alone() -> None:
    old, new = new_key(), new_key()
    stored = Vault([old]).encrypt(Secret("x"), "p")
    renewed = Vault([new, old]).renew(stored, "p")
    assert Vault([new]).decrypt(renewed, "p") == Secret("x")


def test_a_missing_key_is_answered_with_the_setting_to_look_at() -> None:
    stored = Vault([new_key()]).encrypt(Secret("x"), "tenant acme, client_secret")
    for attempt in (Vault([new_key()]).decrypt, Vault([new_key()]).renew):
        with pytest.raises(VaultLocked, match="tenant acme, client_secret: no key in ST_PIPELINE_SECRET_KEYS"):
            attempt(stored, "tenant acme, client_secret")


def test_what_is_no_ciphertext_at_all_is_locked_too() -> None:
    with pytest.raises(VaultLocked):
        Vault([new_key()]).decrypt("not a token", "p")


@pytest.mark.parametrize("wrong", ["canary", "canary" * 10, "", "ä" * 44])
def test_an_unusable_key_is_named_by_its_place_and_never_shown(wrong: str) -> None:
    with pytest.raises(VaultKeyInvalid, match="key 2 in ST_PIPELINE_SECRET_KEYS") as refused:
        Vault([new_key(), Secret(wrong)])
    shown = "".join(traceback.format_exception(refused.value))
    assert "canary" not in shown
    assert refused.value.__context__ is None


def test_no_key_at_all_is_refused_with_the_way_to_make_one() -> None:
    with pytest.raises(VaultKeyInvalid, match="generate_key"):
        Vault([])


def test_a_vault_shows_no_key() -> None:
    key = new_key()
    assert key.reveal() not in repr(Vault([key]))


def test_the_settings_keys_come_first_and_no_file_is_made(tmp_path: Path) -> None:
    new, old = new_key(), new_key()
    settings = Settings.from_environment(
        {"ST_PIPELINE_HOME": str(tmp_path), "ST_PIPELINE_SECRET_KEYS": f"{new.reveal()},{old.reveal()}"}
    )
    assert keys_from(settings) == (new, old)
    assert list(tmp_path.iterdir()) == []


def test_without_the_setting_the_file_in_the_home_is_used_and_named(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(tmp_path)})
    stored = open_vault(settings).encrypt(Secret("x"), "p")
    assert open_vault(settings).decrypt(stored, "p") == Secret("x")
    (tmp_path / "secret.key").write_text(new_key().reveal())
    with pytest.raises(VaultLocked, match=str(tmp_path / "secret.key")):
        open_vault(settings).decrypt(stored, "p")


def test_a_missing_key_file_is_replaced_only_while_nothing_needs_it(
    tmp_path: Path, connection: psycopg.Connection[Any]
) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(tmp_path)})
    Registry.of(connection, settings).add(new_tenant(key="acme", tenant_id=1, environment="sandbox"), OWN)
    file = tmp_path / "secret.key"
    saved = file.read_text()
    file.unlink()
    with pytest.raises(VaultKeyInvalid, match=r"secret.key is missing, .* restore it from a backup"):
        Registry.of(connection, settings)
    assert not file.exists()
    with pytest.raises(VaultKeyInvalid):
        prepared(replace(settings, dsn=Secret(connection.info.dsn)))
    assert not file.exists()
    file.touch(mode=0o600)
    file.write_text(saved)
    assert Registry.of(connection, settings).credentials("acme").client_secret == OWN.client_secret
