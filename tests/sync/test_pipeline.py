"""A pipeline is opened from settings alone, with a warehouse that is ready."""

from __future__ import annotations

import dataclasses

import pytest

from st_pipeline import postgres
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.errors import TenantUnknown, VaultKeyInvalid


def test_opening_migrates_and_makes_every_raw_table_and_may_be_done_again(
    pipeline: Pipeline, database: Database
) -> None:
    fresh = database.with_name(f"{database.name}_opened")
    settings = dataclasses.replace(pipeline.settings, dsn=fresh.url())
    open_pipeline(settings)
    opened = open_pipeline(settings)
    with postgres.connect(opened.database) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'raw'").fetchall()
        assert connection.execute("select count(*) from control.tenants").fetchone() == (0,)
    assert {name for (name,) in tables} == set(ASSET_ENTITIES)
    assert opened.zone.location == str(settings.home / "landing")


def test_a_client_is_that_of_the_tenant(pipeline: Pipeline) -> None:
    client = pipeline.client("acme")
    try:
        assert client.tenant == "acme"
        assert "tn.crm.customers:r" in client.granted_scopes()
    finally:
        client.close()
    with pytest.raises(TenantUnknown, match="acne"):
        pipeline.client("acne")


def test_a_vault_key_that_is_none_is_said_without_showing_it(pipeline: Pipeline) -> None:
    broken = dataclasses.replace(
        pipeline, settings=dataclasses.replace(pipeline.settings, secret_keys=(Secret("canary-vault-key"),))
    )
    with pytest.raises(VaultKeyInvalid) as caught, broken.registry():
        pass
    assert "canary" not in str(caught.value)
