"""sandbox_tenants.py: who stands before a sandbox that was started, and started again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from typer.testing import CliRunner

from st_pipeline import postgres
from st_pipeline.cli import sandbox_tenants
from st_pipeline.cli.main import app
from st_pipeline.sandbox import Account, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import Status, new_tenant
from st_pipeline.tenants.recheck import check_and_record

DEMO = [Account(1001, "cid.one", "cs1.one", "ak1.app", size=Size(3, 3), name="One")]


def test_who_has_allowed_the_app_still_does_when_the_sandbox_is_started_again(server_settings: Settings) -> None:
    database = postgres.warehouse(server_settings).with_name("cli_sandbox_tenants")
    settings = replace(server_settings, dsn=database.url())

    with sandbox_tenants.serving(settings, DEMO) as (pointed, spare):
        assert [(one.tenant_id, one.connected) for one in spare] == [(1004, True), (1005, False)]
        account = spare[1]
        own = OwnCredentials(account.client_id, Secret(account.client_secret), Secret(account.app_key))
        with open_pipeline(pointed).registry() as registry:
            registry.add(new_tenant(key="pecan", tenant_id=account.tenant_id, environment="sandbox"), own)
            assert check_and_record(registry, pointed, "pecan", datetime.now(UTC)).status is Status.NOT_CONNECTED
            allowed = CliRunner().invoke(app, ["sandbox", "allow", "1005", "--url", pointed.sandbox_url])
            assert allowed.exit_code == 0
            assert check_and_record(registry, pointed, "pecan", datetime.now(UTC)).status is Status.CONNECTED

    with sandbox_tenants.serving(settings, DEMO) as (pointed, spare):
        assert [one.connected for one in spare] == [True, True]
        with open_pipeline(pointed).registry() as registry:
            assert check_and_record(registry, pointed, "pecan", datetime.now(UTC)).status is Status.CONNECTED
