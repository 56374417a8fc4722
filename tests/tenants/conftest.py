"""A migrated database, emptied before every test, and what tests of tenants are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, settings

from st_pipeline import postgres
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.registry import Registry
from st_pipeline.tenants.vault import Vault

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Searched for in everything that is written anywhere.
CANARY_SECRET = "cs1.canary-secret-7f3a"
CANARY_APP_KEY = "ak1.canary-app-key-91bc"


@pytest.fixture(scope="session")
def database() -> postgres.Database:
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-tenants-"))
    home.chmod(0o755)  # as root the server runs as another user, who must get in
    return postgres.prepare(Settings.from_environment({"ST_PIPELINE_HOME": str(home)}))


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
