"""From a tenant to a client."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.settings import Settings, SettingsError
from st_pipeline.tenants import clients
from st_pipeline.tenants.fields import Environment

from .conftest import CANARY_APP_KEY, CANARY_SECRET
from .test_connection_check import NEW

CREDENTIALS = Credentials("cid.acme", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY))


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        (Environment.PRODUCTION, "https://api.servicetitan.io"),
        (Environment.INTEGRATION, "https://api-integration.servicetitan.io"),
        (Environment.SANDBOX, "http://127.0.0.1:9999"),
    ],
)
def test_a_client_calls_the_hosts_of_its_tenants_environment(
    tmp_path: Path, environment: Environment, host: str
) -> None:
    settings = Settings.from_environment(
        {"ST_PIPELINE_HOME": str(tmp_path), "ST_PIPELINE_SANDBOX_URL": "http://127.0.0.1:9999"}
    )
    with clients.client(replace(NEW, environment=environment), CREDENTIALS, settings) as client:
        shown = repr(client)
    assert host in shown
    assert "1001" in shown
    assert CANARY_SECRET not in shown
    assert CANARY_APP_KEY not in shown


def test_a_wrong_address_is_a_setting_to_correct(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(tmp_path), "ST_PIPELINE_SANDBOX_URL": "ftp://x"})
    with pytest.raises(SettingsError, match="ST_PIPELINE_SANDBOX_URL"):
        clients.client(NEW, CREDENTIALS, settings)
