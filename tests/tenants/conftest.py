"""A migrated database, emptied before every test, and what tests of tenants are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline import postgres
from st_pipeline.secret import Secret
from st_pipeline.tenants.registry import Registry
from st_pipeline.tenants.vault import Vault
from tests.conftest import NewWarehouse

# Searched for in everything that is written anywhere.
CANARY_SECRET = "cs1.canary-secret-7f3a"
CANARY_APP_KEY = "ak1.canary-app-key-91bc"


@pytest.fixture(scope="session")
def database(new_warehouse: NewWarehouse) -> postgres.Database:
    return new_warehouse()


@pytest.fixture
def connection(database: postgres.Database) -> Iterator[psycopg.Connection[Any]]:
    with postgres.connect(database, autocommit=True) as connection:
        connection.execute("delete from control.tenants")  # quicker than truncate, which makes files
        connection.execute("delete from control.removed_tenants")
        yield connection


@pytest.fixture
def vault_key() -> Secret:
    return Secret(Fernet.generate_key().decode())


@pytest.fixture
def registry(connection: psycopg.Connection[Any], vault_key: Secret) -> Registry:
    return Registry(connection, Vault([vault_key]), shared_app_key=Secret("ak1.shared"))
