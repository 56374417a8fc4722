"""The rows of control.credentials: what is stored, and what is not opened without need."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from st_pipeline.secret import Secret
from st_pipeline.tenants import credential_table, tenant_table
from st_pipeline.tenants.credentials import new_parts, own_credentials
from st_pipeline.tenants.errors import VaultLocked
from st_pipeline.tenants.model import new_tenant
from st_pipeline.tenants.vault import Vault

from .conftest import CANARY_APP_KEY, CANARY_SECRET
from .test_vault import new_key

Connection = psycopg.Connection[Any]


@pytest.fixture
def vault(connection: Connection, vault_key: Secret) -> Vault:
    vault = Vault([vault_key])
    tenant_table.insert(connection, new_tenant(key="acme", tenant_id=1, environment="sandbox"))
    own = own_credentials("cid.a", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY), "app-1")
    credential_table.insert(connection, vault, "acme", own)
    return vault


def test_id_and_app_id_are_stored_as_they_are_and_secrets_are_not(connection: Connection, vault: Vault) -> None:
    row = connection.execute("select client_id, app_id, client_secret, app_key from control.credentials").fetchone()
    assert row is not None
    assert row[:2] == ("cid.a", "app-1")
    assert vault.decrypt(row[2], "tenant acme, client_secret") == Secret(CANARY_SECRET)
    assert vault.decrypt(row[3], "tenant acme, app_key") == Secret(CANARY_APP_KEY)


def test_the_two_secrets_of_a_tenant_cannot_change_places(connection: Connection, vault: Vault) -> None:
    connection.execute("update control.credentials set client_secret = app_key")
    with pytest.raises(VaultLocked, match="belongs to another tenant"):
        credential_table.read(connection, vault, "acme")


def test_replacing_one_part_opens_no_other(connection: Connection, vault: Vault) -> None:
    stranger = Vault([new_key()])
    credential_table.replace(connection, stranger, "acme", new_parts(client_secret=Secret("cs1.new")))
    row = connection.execute("select client_secret, app_key from control.credentials").fetchone()
    assert row is not None
    assert stranger.decrypt(row[0], "tenant acme, client_secret") == Secret("cs1.new")
    assert vault.decrypt(row[1], "tenant acme, app_key") == Secret(CANARY_APP_KEY)


def test_a_replacement_is_newer_than_what_it_replaces(connection: Connection, vault: Vault) -> None:
    before = connection.execute("select created_at from control.credentials").fetchone()
    credential_table.replace(connection, vault, "acme", new_parts(client_id="cid.b"))
    after = connection.execute("select created_at from control.credentials").fetchone()
    assert before is not None
    assert after is not None
    assert after[0] > before[0]


def test_nobodys_credentials_are_none(connection: Connection, vault: Vault) -> None:
    assert credential_table.read(connection, vault, "ghost") is None
    assert credential_table.outline(connection, "ghost") is None
