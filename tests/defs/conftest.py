"""A home with a real Dagster instance on a real Postgres, and a sandbox with three accounts of which two connect."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from st_pipeline.defs import local_runs
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import new_tenant

SIZE = Size(customers=40, invoices=60)
ACCOUNTS = tuple(
    Account(number, f"cid.{number}", f"cs1.{number}", "ak1.app", seed=5, size=SIZE, connected=number != 3)
    for number in (1, 2, 3)
)
KEYS = {1: "alpha", 2: "beta", 3: "gamma"}


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ACCOUNTS) as running:
        yield running


@pytest.fixture(scope="session")
def pipeline(sandbox: Sandbox) -> Pipeline:
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-defs-"))
    home.chmod(0o755)
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(home), "ST_PIPELINE_SANDBOX_URL": sandbox.url})
    opened = open_pipeline(settings)
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
