"""cli/demo.py: a demo home that starts empty, and the counts it compares. The whole command is tests/end_to_end's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline import postgres
from st_pipeline.cli.demo import Row, compare, demo_settings
from st_pipeline.landing.zone import LandingZone
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import Tenant, new_tenant
from tests.conftest import NewWarehouse
from tests.support.homes import empty_home

SMALL = Size(customers=12, invoices=9)
ACCOUNTS = [Account(number, f"cid.{number}", "cs1.x", "ak1.x", seed=number, size=SMALL) for number in (1, 2)]


@pytest.mark.parametrize(
    ("held", "loaded", "whole", "differs"), [(3, 3, 0, False), (3, 2, 1, False), (3, 2, 0, True), (3, 4, 0, True)]
)
def test_counts_agree_if_each_record_is_in_raw_or_in_quarantine(
    held: int, loaded: int, whole: int, differs: bool
) -> None:
    assert Row("acme", "crm_customers", held, loaded, whole).differs is differs


def test_the_demo_starts_with_an_empty_home_and_touches_nothing_else(server_settings: Settings) -> None:
    real = replace(server_settings, home=empty_home("demo"), dsn=Secret("postgresql://127.0.0.1:9/real"))
    settings = demo_settings(real)
    assert settings.home == real.home / "demo"
    assert (settings.dsn, settings.dagster_dsn, settings.landing) == (None, None, str(settings.home / "landing"))
    postgres.prepare(settings)
    landed, kept = Path(settings.landing) / "old.parquet", real.home / "landing" / "real.parquet"
    for file in (landed, kept):
        file.parent.mkdir(parents=True)
        file.write_text("")
    with postgres.connect(postgres.warehouse(settings), autocommit=True) as open_elsewhere:
        open_elsewhere.execute("create table public.old ()")
        assert demo_settings(real) == settings
    assert (landed.exists(), kept.exists()) == (False, True)
    with postgres.connect(postgres.prepare(settings)) as connection:
        assert connection.execute("select to_regclass('public.old')").fetchone() == (None,)


@pytest.fixture(scope="module")
def synced(new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipeline, Sandbox]]:
    """Tenants one and two, with everything their accounts have."""
    home = tmp_path_factory.mktemp("demo")
    with Sandbox(ACCOUNTS) as sandbox:
        settings = Settings.from_environment(
            {
                "ST_PIPELINE_HOME": str(home),
                "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
                "ST_PIPELINE_SANDBOX_URL": sandbox.url,
            }
        )
        pipeline = Pipeline(settings, new_warehouse(), LandingZone(str(home / "landing")))
        for account, key in zip(ACCOUNTS, ("one", "two"), strict=True):
            own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
            with pipeline.registry() as registry:
                registry.add(new_tenant(key=key, tenant_id=account.tenant_id, environment="sandbox"), own)
            assert sync_tenant(pipeline, key, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES)).failures == []
        yield pipeline, sandbox


@pytest.fixture
def tenants(synced: tuple[Pipeline, Sandbox]) -> list[Tenant]:
    with synced[0].registry() as registry:
        return registry.list()


@pytest.fixture
def connection(synced: tuple[Pipeline, Sandbox]) -> Iterator[psycopg.Connection]:
    with postgres.connect(synced[0].database, autocommit=True) as connection:
        yield connection


def test_every_entity_of_every_tenant_is_compared_with_the_sandbox(
    synced: tuple[Pipeline, Sandbox], tenants: list[Tenant]
) -> None:
    pipeline, sandbox = synced
    rows = compare(pipeline, sandbox, tenants)
    assert [(row.tenant, row.entity) for row in rows] == [(key, e) for key in ("one", "two") for e in ASSET_ENTITIES]
    assert not [row for row in rows if row.differs]
    assert {row.entity: row.held for row in rows if row.tenant == "two"} == {
        entity: sandbox.world(2).count(entity) for entity in ASSET_ENTITIES
    }
    assert all(row.loaded for row in rows)
    assert compare(pipeline, sandbox, tenants[:1]) == rows[: len(ASSET_ENTITIES)]


def test_a_row_that_is_gone_or_marked_as_deleted_is_found(
    synced: tuple[Pipeline, Sandbox], tenants: list[Tenant], connection: psycopg.Connection
) -> None:
    one = "where tenant = 'two' and id = (select min(id) from raw.crm_customers where tenant = 'two')"
    connection.execute(f"update raw.crm_customers set _deleted_at = now() {one}".encode())
    (row,) = [row for row in compare(*synced, tenants) if row.differs]
    assert (row.tenant, row.entity, row.held - row.loaded) == ("two", "crm_customers", 1)
    connection.execute("update raw.crm_customers set _deleted_at = null")
    assert not [row for row in compare(*synced, tenants) if row.differs]
