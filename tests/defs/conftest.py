"""A home with a real Dagster instance on a real Postgres, and a sandbox with three accounts of which two connect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import dagster as dg
import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.definitions import build_defs
from st_pipeline.defs import local_runs
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import new_tenant
from st_pipeline.tenants.recheck import check_and_record
from tests.hasty import hurry
from tests.support.homes import empty_home

SIZE = Size(customers=40, invoices=60)
ACCOUNTS = tuple(
    Account(number, f"cid.{number}", f"cs1.{number}", "ak1.app", seed=5, size=SIZE, connected=number != 3)
    for number in (1, 2, 3)
)
KEYS = {1: "alpha", 2: "beta", 3: "gamma"}


@cache
def definitions() -> dg.Definitions:
    """The project's, made once; what runs or looks is given its own pipeline."""
    return build_defs()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ACCOUNTS) as running:
        yield running


@pytest.fixture(scope="session")
def pipeline(sandbox: Sandbox) -> Pipeline:
    home = empty_home("defs")
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(home), "ST_PIPELINE_SANDBOX_URL": sandbox.url})
    opened = open_pipeline(settings)
    hurry(opened.database)
    with opened.registry() as registry:
        for account in ACCOUNTS:
            tenant = new_tenant(key=KEYS[account.tenant_id], tenant_id=account.tenant_id, environment="sandbox")
            own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
            registry.add(tenant, own)
    return opened


@pytest.fixture(scope="session")
def instance(pipeline: Pipeline) -> Iterator[dg.DagsterInstance]:
    before = dict(os.environ)
    opened = local_runs.open_instance(pipeline.settings)
    yield opened
    opened.dispose()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def control(pipeline: Pipeline) -> Iterator[psycopg.Connection]:
    """alpha and beta are connected and were never synced, gamma is not connected."""
    with (
        pipeline.registry() as registry,
        postgres.connect(pipeline.database, autocommit=True) as connection,
    ):
        for key in ("alpha", "beta"):
            check_and_record(registry, pipeline.settings, key, datetime.now(UTC))
        for table in ("syncs", "sync_requests", "launches"):
            connection.execute(f"delete from control.{table}")  # pyright: ignore
        yield connection


@pytest.fixture
def empty() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", sorted(KEYS.values()))
        yield instance
