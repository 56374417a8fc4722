"""A pipeline of a fresh warehouse and a sandbox with four accounts, registered as tenants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline import postgres
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan import client as client_module
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from tests.conftest import NewWarehouse

CANARY_SECRET = "cs1.canary-of-syncs-4d2e"
CANARY_APP_KEY = "ak1.canary-of-syncs-77f0"
SIZE = Size(customers=30, invoices=40)
# Of what the legacy tables need, jpm_appointments is not granted; jpm_jobs is no such thing.
SOME_SCOPES = frozenset({"tn.crm.customers:r", "tn.acc.invoices:r", "tn.acc.payments:r"})


def account(tenant_id: int, **changes: Any) -> Account:
    return Account(tenant_id, f"cid.{tenant_id}", CANARY_SECRET, CANARY_APP_KEY, size=SIZE, **changes)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    accounts = [account(1001), account(1002), account(1003, scopes=SOME_SCOPES), account(1004, connected=False)]
    with Sandbox(accounts, page_size=15) as sandbox:
        yield sandbox


@pytest.fixture
def database(new_warehouse: NewWarehouse) -> Database:
    return new_warehouse()


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with postgres.connect(database, application="tests", autocommit=True) as connection:
        yield connection


@pytest.fixture
def pipeline(database: Database, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Tenants acme, bolt, cole (few scopes) and dale (not connected); calls are given up soon."""
    quick = RetryPolicy(tries=2, first_wait=0.01, longest_wait=0.02, longest_named_wait=0.1, total_seconds=1.0)
    monkeypatch.setattr(client_module, "RetryPolicy", lambda: quick)
    settings = Settings.from_environment(
        {
            "ST_PIPELINE_HOME": str(tmp_path),
            "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
            "ST_PIPELINE_SANDBOX_URL": sandbox.url,
            "SERVICETITAN_APP_KEY": CANARY_APP_KEY,
        }
    )
    pipeline = Pipeline(settings, database, LandingZone(str(tmp_path / "landing")))
    with pipeline.registry() as registry:
        for key, tenant_id in (("acme", 1001), ("bolt", 1002), ("cole", 1003), ("dale", 1004)):
            tenant = new_tenant(key=key, tenant_id=tenant_id, environment="sandbox")
            registry.add(tenant, own_credentials(f"cid.{tenant_id}", Secret(CANARY_SECRET)))
    return pipeline


Changed = Callable[..., Pipeline]


@pytest.fixture
def changed(pipeline: Pipeline) -> Changed:
    """The pipeline with other parts."""
    return lambda **parts: dataclasses.replace(pipeline, **parts)
