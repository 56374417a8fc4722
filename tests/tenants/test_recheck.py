"""Checks of real clients against a real server, and what the registry holds afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.settings import Settings, SettingsError
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants import clients
from st_pipeline.tenants.credentials import new_parts, own_credentials
from st_pipeline.tenants.model import CheckCause, Status, Tenant, new_tenant
from st_pipeline.tenants.recheck import BRIEF_RETRY, check_and_record, is_recheck_due, recheck_waiting
from st_pipeline.tenants.registry import Registry
from tests.servicetitan.scripted import ScriptedServer, reply

from .conftest import CANARY_APP_KEY, CANARY_SECRET

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SMALL = Size(customers=5, invoices=5)
NO_APPOINTMENTS = frozenset({"tn.crm.customers:r", "tn.acc.invoices:r", "tn.stt.businessunits:r"})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    accounts = [
        Account(1001, "cid.acme", CANARY_SECRET, CANARY_APP_KEY, size=SMALL),
        Account(1002, "cid.bolt", CANARY_SECRET, CANARY_APP_KEY, size=SMALL, connected=False),
        Account(1003, "cid.cole", CANARY_SECRET, CANARY_APP_KEY, size=SMALL, scopes=NO_APPOINTMENTS),
    ]
    with Sandbox(accounts) as sandbox:
        yield sandbox


@pytest.fixture
def settings(tmp_path: Path, sandbox: Sandbox) -> Settings:
    return Settings.from_environment(
        {
            "ST_PIPELINE_HOME": str(tmp_path),
            "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
            "ST_PIPELINE_SANDBOX_URL": sandbox.url,
            "SERVICETITAN_APP_KEY": CANARY_APP_KEY,
        }
    )


@pytest.fixture
def registry(connection: psycopg.Connection[Any], settings: Settings) -> Registry:
    registry = Registry.of(connection, settings)
    for key, tenant_id in (("acme", 1001), ("bolt", 1002), ("cole", 1003)):
        tenant = new_tenant(key=key, tenant_id=tenant_id, environment="sandbox")
        registry.add(tenant, own_credentials(f"cid.{key}", Secret(CANARY_SECRET)))
    return registry


def test_a_connected_tenant_is_recorded_as_such_with_its_scopes(registry: Registry, settings: Settings) -> None:
    tenant = check_and_record(registry, settings, "acme", NOW)
    assert (tenant.status, tenant.status_detail, tenant.connected_at) == (Status.CONNECTED, "connected", NOW)
    assert "tn.crm.customers:r" in tenant.granted_scopes
    assert registry.get("acme") == tenant


def test_a_check_is_one_sign_in_and_one_call(registry: Registry, settings: Settings, sandbox: Sandbox) -> None:
    check_and_record(registry, settings, "acme", NOW)
    assert len(sandbox.calls) == 2


def test_a_tenant_that_has_not_connected_yet_connects_later(
    registry: Registry, settings: Settings, sandbox: Sandbox
) -> None:
    assert check_and_record(registry, settings, "bolt", NOW).status is Status.NOT_CONNECTED
    sandbox.connect(1002)
    assert check_and_record(registry, settings, "bolt", NOW).status is Status.CONNECTED
    sandbox.connect(1002, connected=False)
    tenant = check_and_record(registry, settings, "bolt", NOW)
    assert tenant.status is Status.REFUSED
    assert tenant.status_cause is CheckCause.CLIENT


def test_a_wrong_secret_is_not_connected_yet_for_a_new_tenant_and_refused_for_a_known_one(
    registry: Registry, settings: Settings
) -> None:
    registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.wrong")))
    assert check_and_record(registry, settings, "acme", NOW).status is Status.NOT_CONNECTED
    registry.replace_credentials("acme", new_parts(client_secret=Secret(CANARY_SECRET)))
    assert check_and_record(registry, settings, "acme", NOW).status is Status.CONNECTED
    registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.wrong")))
    assert check_and_record(registry, settings, "acme", NOW).status is Status.REFUSED


def test_of_two_secrets_the_newest_that_works_signs_in_and_each_outcome_is_noted(
    registry: Registry, settings: Settings, sandbox: Sandbox
) -> None:
    registry.add_secret("acme", Secret("cs1.mistyped"))
    tenant = check_and_record(registry, settings, "acme", NOW)
    assert tenant.status is Status.CONNECTED
    assert "rejects the newer of the two" in tenant.status_detail
    outline = registry.outline("acme")
    assert outline
    assert outline.older
    assert (outline.newest.refused_at, outline.newest.worked_at) == (NOW, None)
    assert (outline.older.refused_at, outline.older.worked_at) == (None, NOW)
    registry.revoke_secret("acme", outline.newest.added_at)
    registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.deleted")))
    registry.add_secret("acme", Secret(CANARY_SECRET))
    tenant = check_and_record(registry, settings, "acme", NOW)
    assert tenant.status_detail == "connected"
    outline = registry.outline("acme")
    assert outline
    assert outline.newest.worked_at == NOW
    assert outline.older
    assert outline.older.worked_at is outline.older.refused_at is None, "it was not tried"


def test_what_was_revoked_during_a_check_is_not_noted_of_another(registry: Registry) -> None:
    before = registry.outline("acme")
    assert before
    registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.other")))
    registry.record_secret_use("acme", before, [True], NOW)
    after = registry.outline("acme")
    assert after
    assert after.newest.worked_at is None


def test_a_secret_that_is_deleted_in_the_middle_of_a_sync_gives_way_to_the_older_one(
    registry: Registry, settings: Settings, sandbox: Sandbox
) -> None:
    second = "cs1.canary-second"
    registry.add_secret("acme", Secret(second))
    accounts = sandbox._state.gate.accounts  # pyright: ignore[reportPrivateUsage]
    first = accounts[1001]
    accounts[1001] = replace(first, client_secret=second)
    credentials = registry.credentials("acme")
    with closing(clients.client(registry.get("acme"), credentials, settings, retry=BRIEF_RETRY)) as client:
        pages = client.pages(endpoint("crm_customers"))
        client.granted_scopes()
        assert client.tried == [True]
        accounts[1001] = first
        sandbox._state.gate._grants.clear()  # pyright: ignore[reportPrivateUsage]
        assert next(pages).records
        assert client.tried == [False, True]


@pytest.fixture
def hanging() -> Iterator[ScriptedServer]:
    """A token endpoint that does not respond."""
    over = threading.Event()
    with ScriptedServer(lambda asked, n: reply({})) as server:
        server.tokens = lambda asked, n: reply({"late": over.wait(120)})
        yield server
        over.set()


def test_a_token_endpoint_that_hangs_ends_a_round_in_time_and_the_next_round_goes_on(
    registry: Registry, settings: Settings, hanging: ScriptedServer
) -> None:
    elsewhere = replace(settings, sandbox_url=hanging.url)
    rounds = [recheck_waiting(registry, elsewhere, lambda: NOW, seconds=1) for _ in range(4)]
    assert [[tenant.key for tenant in found] for found in rounds] == [["acme"], ["bolt"], ["cole"], []]
    assert {tenant.status for found in rounds for tenant in found} == {Status.UNREACHABLE}
    assert "no complete response within" in rounds[0][0].status_detail
    later = NOW + timedelta(minutes=6)
    found = recheck_waiting(registry, settings, lambda: later)
    assert [(tenant.key, tenant.status) for tenant in found] == [
        ("acme", Status.CONNECTED),
        ("bolt", Status.NOT_CONNECTED),
        ("cole", Status.CONNECTED),
    ]


def test_a_tenant_that_cannot_be_tested_does_not_keep_the_others_from_it(
    registry: Registry, settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("update control.credentials set client_secret = 'damaged' where tenant = 'acme'")
    assert [tenant.key for tenant in recheck_waiting(registry, settings, lambda: NOW)] == ["bolt", "cole"]


def test_a_wrong_app_key_is_found_though_the_sign_in_succeeds(registry: Registry, settings: Settings) -> None:
    registry.replace_credentials("acme", new_parts(app_key=Secret("ak1.wrong")))
    tenant = check_and_record(registry, settings, "acme", NOW)
    assert tenant.status is Status.REFUSED
    assert "app key" in tenant.status_detail
    assert tenant.status_cause is CheckCause.APP_KEY


def test_a_wrong_tenant_id_is_found_though_the_sign_in_succeeds(
    registry: Registry, settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("update control.tenants set tenant_id = 77 where key = 'acme'")
    tenant = check_and_record(registry, settings, "acme", NOW)
    assert tenant.status is Status.REFUSED
    assert "77" in tenant.status_detail
    assert tenant.status_cause is CheckCause.TENANT_ID


def test_a_scope_that_reports_need_is_named_where_it_is_not_granted(registry: Registry, settings: Settings) -> None:
    tenant = check_and_record(registry, settings, "cole", NOW)
    assert tenant.status is Status.CONNECTED
    assert "tn.jpm.appointments:r (for jpm_appointments)" in tenant.status_detail
    assert tenant.granted_scopes == NO_APPOINTMENTS


def test_a_server_in_trouble_says_nothing_about_the_keys(
    registry: Registry, settings: Settings, sandbox: Sandbox
) -> None:
    check_and_record(registry, settings, "acme", NOW)
    sandbox.faults = Faults(rate_5xx=1.0)
    tenant = check_and_record(registry, settings, "acme", NOW)
    assert tenant.status is Status.UNREACHABLE
    assert tenant.connected_at == NOW
    assert tenant.granted_scopes


def test_nobody_there_is_unreachable(registry: Registry, settings: Settings, sandbox: Sandbox) -> None:
    sandbox.__exit__(None, None, None)
    assert check_and_record(registry, settings, "acme", NOW).status is Status.UNREACHABLE


def test_without_an_app_key_nothing_is_asked_and_the_way_to_give_one_is_noted(
    registry: Registry, connection: psycopg.Connection[Any], settings: Settings, sandbox: Sandbox
) -> None:
    environment = {
        "ST_PIPELINE_SECRET_KEYS": settings.secret_keys[0].reveal(),
        "ST_PIPELINE_SANDBOX_URL": sandbox.url,
    }
    keyless = Registry.of(connection, Settings.from_environment(environment))
    tenant = check_and_record(keyless, settings, "acme", NOW)
    assert tenant.status is Status.NOT_CONNECTED
    assert tenant.status_cause is CheckCause.CREDENTIALS_MISSING
    assert tenant.status_steps == (Step(Do.ENTER_APP_KEY),)
    assert sandbox.calls == []


def test_an_unusable_address_is_a_setting_to_correct(registry: Registry, settings: Settings, tmp_path: Path) -> None:
    wrong = Settings.from_environment({"ST_PIPELINE_HOME": str(tmp_path), "ST_PIPELINE_SANDBOX_URL": "nowhere"})
    with pytest.raises(SettingsError, match="ST_PIPELINE_SANDBOX_URL"):
        check_and_record(registry, wrong, "acme", NOW)


def test_no_outcome_holds_a_secret(
    registry: Registry, settings: Settings, sandbox: Sandbox, connection: psycopg.Connection[Any]
) -> None:
    outcomes: list[Tenant] = [check_and_record(registry, settings, key, NOW) for key in ("acme", "bolt", "cole")]
    registry.replace_credentials("cole", new_parts(app_key=Secret(f"{CANARY_APP_KEY}-wrong")))
    sandbox.faults = Faults(rate_5xx=1.0)
    outcomes += [check_and_record(registry, settings, key, NOW) for key in ("acme", "bolt", "cole")]
    written = repr(outcomes) + str(connection.execute("select t::text from control.tenants t").fetchall())
    assert "cole" in written
    assert CANARY_SECRET not in written
    assert CANARY_APP_KEY not in written


@pytest.mark.parametrize(
    ("status", "unchanged_hours", "minutes_ago", "due"),
    [
        (Status.NOT_CONNECTED, 0, 4, False),
        (Status.NOT_CONNECTED, 0, 6, True),
        (Status.UNREACHABLE, 4, 59, False),
        (Status.UNREACHABLE, 4, 61, True),
        (Status.NOT_CONNECTED, 500, 359, False),
        (Status.NOT_CONNECTED, 500, 361, True),
        (Status.REFUSED, 0, 10_000, False),
        (Status.CONNECTED, 0, 10_000, False),
    ],
)
def test_a_tenant_that_waits_is_tried_again_with_growing_pauses(
    registry: Registry, status: Status, unchanged_hours: int, minutes_ago: int, due: bool
) -> None:
    added = registry.get("acme")
    assert is_recheck_due(added, NOW), "it was never tried"
    checked = NOW - timedelta(minutes=minutes_ago)
    tenant = replace(added, status=status, checked_at=checked, status_since=checked - timedelta(hours=unchanged_hours))
    assert is_recheck_due(tenant, NOW) is due
    assert not is_recheck_due(replace(tenant, enabled=False), NOW)
