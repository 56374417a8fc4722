"""sandbox_tenants.py: who stands before a sandbox that was started, and started again."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from st_pipeline import postgres
from st_pipeline.cli import sandbox_tenants
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.main import app
from st_pipeline.sandbox import Account, Size
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import Status, new_tenant
from st_pipeline.tenants.recheck import check_and_record
from tests.support.ports import free_port

DEMO = [Account(1001, "cid.one", "cs1.one", "ak1.app", size=Size(3, 3), name="One")]


def test_who_has_allowed_the_app_still_does_when_the_sandbox_is_started_again(server_settings: Settings) -> None:
    database = postgres.warehouse(server_settings).with_name("cli_sandbox_tenants")
    settings = replace(server_settings, dsn=database.url(), sandbox_url=f"http://127.0.0.1:{free_port()}")

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

        assert pointed.sandbox_url == settings.sandbox_url, "where other terminals look for it"

    with sandbox_tenants.serving(settings, DEMO) as (pointed, spare):
        assert [one.connected for one in spare] == [True, True]
        with open_pipeline(pointed).registry() as registry:
            assert check_and_record(registry, pointed, "pecan", datetime.now(UTC)).status is Status.CONNECTED


def test_an_address_that_is_taken_is_refused_instead_of_another_port(server_settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(CommandRefused, match="set ST_PIPELINE_SANDBOX_URL to a free address"),
            sandbox_tenants.serving(replace(server_settings, sandbox_url=url), DEMO),
        ):
            pass


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:8700", "http://sandbox.test", "http://127.0.0.1:8700/api", "http://h:70000", "x"]
)
def test_an_address_that_it_cannot_serve_is_refused(server_settings: Settings, url: str) -> None:
    with (
        pytest.raises(CommandRefused, match="to an address like"),
        sandbox_tenants.serving(replace(server_settings, sandbox_url=url), DEMO),
    ):
        pass
