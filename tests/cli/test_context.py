"""cli/context.py: from the settings to a migrated database, its registry and vault, on a real server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline import postgres
from st_pipeline.cli.context import open_operations, read_next_syncs, renew_encryption
from st_pipeline.operations import audit
from st_pipeline.postgres import Database, PostgresError
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants import key_file
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.errors import TenantUnknown, VaultError
from st_pipeline.tenants.model import Status, Tenant, new_tenant
from tests.support.past import Past

OWN = OwnCredentials("cid.acme", Secret("cs1.canary-of-context"), Secret("ak1.x"))


def new_key() -> Secret:
    return Secret(Fernet.generate_key().decode())


@pytest.fixture
def settings(server_settings: Settings, warehouse: Database, control: psycopg.Connection, tmp_path: Path) -> Settings:
    """A home of its own, with its key file, on the module's warehouse without tenants."""
    control.execute("delete from control.tenants")
    return replace(server_settings, home=tmp_path, dsn=warehouse.url(), secret_keys=(new_key(),))


def registered(settings: Settings) -> Tenant:
    with open_operations(settings) as operations:
        return operations.register([(new_tenant(key="acme", tenant_id=1001, environment="sandbox"), OWN)])[0]


def test_what_is_done_is_committed_and_in_the_audit_as_the_command_lines(
    settings: Settings, control: psycopg.Connection
) -> None:
    before = datetime.now(UTC)
    with open_operations(settings) as operations:
        operations.register([(new_tenant(key="acme", tenant_id=1, environment="sandbox"), None)])
        assert control.execute("select key from control.tenants").fetchall() == [("acme",)], "no transaction stays open"
        assert before <= operations.clock() <= datetime.now(UTC)
    assert operations.connection.closed
    assert audit.read(control, limit=1)[0].actor == "command line"


def test_an_error_in_the_block_passes_through_and_closes_the_connection(settings: Settings) -> None:
    with pytest.raises(TenantUnknown), open_operations(settings) as operations:
        operations.set("acne", name="Acme")
    assert operations.connection.closed


def test_a_database_that_is_not_there_yet_is_created_and_migrated(settings: Settings, warehouse: Database) -> None:
    new = warehouse.with_name("cli_context_new")
    with open_operations(replace(settings, dsn=new.url())) as operations:
        assert operations.registry.list() == []
    postgres.drop_database(new)


def test_the_settings_are_those_of_the_environment_by_default(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(settings)
    assert settings.dsn
    monkeypatch.setenv("ST_PIPELINE_HOME", str(settings.home))
    monkeypatch.setenv("ST_PIPELINE_DSN", settings.dsn.reveal())
    monkeypatch.setenv("ST_PIPELINE_SECRET_KEYS", settings.secret_keys[0].reveal())
    with open_operations() as operations:
        assert [tenant.key for tenant in operations.registry.list()] == ["acme"]
        assert operations.registry.credentials("acme").client_secret == OWN.client_secret


def test_a_server_out_of_reach_names_the_setting(settings: Settings) -> None:
    nowhere = replace(settings, dsn=Secret("postgresql://me:canary@127.0.0.1:9/warehouse"))
    with pytest.raises(PostgresError, match="ST_PIPELINE_DSN") as refused, open_operations(nowhere):
        pass
    assert "canary" not in str(refused.value)


def test_the_next_sync_of_each_tenant_is_there_by_its_key(settings: Settings, control: psycopg.Connection) -> None:
    past, now = Past(control), datetime.now(UTC)
    past.tenant("due")
    past.tenant("resting", cadence="paused")
    never = registered(settings)
    with open_operations(settings) as operations:
        tenants = operations.registry.list()
        found = read_next_syncs(settings, tenants, now)
        assert read_next_syncs(settings, [never], now) == {"acme": None}
    assert {tenant.key: tenant.status for tenant in tenants}["due"] is Status.CONNECTED
    assert {key for key, due in found.items() if due} == {"due"}
    assert found.keys() == {"acme", "due", "resting"}


def test_without_keys_in_the_settings_a_new_one_is_put_first_into_the_key_file(settings: Settings) -> None:
    by_file = replace(settings, secret_keys=())
    registered(by_file)
    old = key_file.read_or_create(settings.home)
    assert renew_encryption(by_file) == (1, str(key_file.path(settings.home)))
    newest, *others = key_file.read_or_create(settings.home)
    assert tuple(others) == old
    for keys, opens in (((newest,), True), (old, False)):
        with open_operations(replace(settings, secret_keys=keys)) as operations:
            if opens:
                assert operations.registry.credentials("acme").client_secret == OWN.client_secret
            else:
                with pytest.raises(VaultError):
                    operations.registry.credentials("acme")


def test_with_keys_in_the_settings_the_first_encrypts_and_no_file_is_written(settings: Settings) -> None:
    registered(settings)
    newest = new_key()
    assert renew_encryption(replace(settings, secret_keys=(newest, *settings.secret_keys))) == (
        1, "ST_PIPELINE_SECRET_KEYS",
    )  # fmt: skip
    assert not key_file.path(settings.home).exists()
    with open_operations(replace(settings, secret_keys=(newest,))) as operations:
        assert operations.registry.credentials("acme").client_secret == OWN.client_secret


def test_keys_that_open_nothing_renew_nothing(settings: Settings) -> None:
    registered(settings)
    with pytest.raises(VaultError):
        renew_encryption(replace(settings, secret_keys=(new_key(),)))
    with open_operations(settings) as operations:
        assert operations.registry.credentials("acme").client_secret == OWN.client_secret
