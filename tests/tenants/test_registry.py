"""The registry on a real Postgres."""

from __future__ import annotations

import threading
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from st_pipeline import postgres
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.credentials import OwnCredentials, TwoSecrets, new_parts, own_credentials
from st_pipeline.tenants.errors import (
    CredentialsMissing,
    FieldInvalid,
    TenantExists,
    TenantUnknown,
    VaultLocked,
)
from st_pipeline.tenants.model import CheckCause, NewTenant, Status, new_tenant
from st_pipeline.tenants.registry import Registry
from st_pipeline.tenants.vault import Vault

from .conftest import CANARY_APP_KEY, CANARY_SECRET
from .test_vault import new_key

CHECKED = datetime(2026, 5, 1, 12, tzinfo=UTC)
CONNECTED = CheckResult(Status.CONNECTED, "connected", frozenset({"tn.crm.customers:r", "tn.acc.invoices:r"}))


def acme(**changes: Any) -> NewTenant:
    return new_tenant(**{"key": "acme", "tenant_id": 1001, "environment": "sandbox", **changes})


def own(app_key: str | None = None) -> OwnCredentials:
    return own_credentials("cid.acme", Secret(CANARY_SECRET), Secret(app_key) if app_key else None, "app-1")


def test_what_is_added_is_what_is_got(registry: Registry) -> None:
    asked = acme(name="Acme Plumbing", company_code="SM000250", trade="Plumbing", timezone="America/New_York")
    added = registry.add(asked, own())
    assert registry.get("acme") == added
    assert registry.list() == [added]
    for field in ("key", "name", "tenant_id", "environment", "company_code", "trade", "timezone", "cadence"):
        assert getattr(added, field) == getattr(asked, field)
    assert added.enabled
    assert added.status is Status.NOT_CONNECTED
    assert (added.status_detail, added.status_cause) == ("not checked yet", CheckCause.NOT_CHECKED)
    assert added.status_steps == (Step(Do.TEST_CONNECTION),)
    assert added.checked_at is added.connected_at is None
    assert added.created_at.tzinfo is not None


def test_credentials_come_back_as_they_were(registry: Registry) -> None:
    registry.add(acme(), own(CANARY_APP_KEY))
    assert registry.credentials("acme") == Credentials(
        "cid.acme", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY), "app-1"
    )


def test_a_tenant_without_its_own_app_key_uses_the_shared_one(registry: Registry) -> None:
    registry.add(acme(), own())
    assert registry.credentials("acme").app_key == Secret("ak1.shared")


def test_no_row_of_the_database_holds_a_secret(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    registry.add(acme(), own(CANARY_APP_KEY))
    registry.replace_credentials("acme", new_parts("cid.new", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY)))
    tables = connection.execute("select table_name from information_schema.tables where table_schema = 'control'")
    rows = []
    for (table,) in tables.fetchall():
        rows += connection.execute(f"select t::text from control.{table} t").fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]
    dump = str(rows)
    assert "cid.new" in dump  # the search looks at the right rows
    assert CANARY_SECRET not in dump
    assert CANARY_APP_KEY not in dump


def test_a_row_copied_to_another_tenant_stays_closed(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    registry.add(acme(), own())
    registry.add(acme(key="bolt", tenant_id=2), own())
    connection.execute(
        "update control.credentials b set client_secret = a.client_secret from control.credentials a "
        "where a.tenant = 'acme' and b.tenant = 'bolt'"
    )
    with pytest.raises(VaultLocked, match="tenant bolt"):
        registry.credentials("bolt")


def test_a_taken_key_is_refused_and_nothing_changes(registry: Registry) -> None:
    before = registry.add(acme(), own())
    with pytest.raises(TenantExists, match="tenant acme already exists"):
        registry.add(acme(tenant_id=2, name="Other"), own_credentials("cid.other", Secret("cs1.other")))
    assert registry.list() == [before]
    assert registry.credentials("acme").client_id == "cid.acme"


def test_one_account_is_one_tenant(registry: Registry) -> None:
    registry.add(acme(), own())
    with pytest.raises(TenantExists, match="already registered as acme"):
        registry.add(acme(key="acme-again"), own())


def test_an_account_in_two_environments_is_two_tenants(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.add(acme(key="acme-production", environment="production"), own())
    assert len(registry.list()) == 2


def test_several_are_added_all_or_none(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    registry.add(acme(key="bolt", tenant_id=2), own())
    with pytest.raises(TenantExists):
        registry.add_all([(acme(), own()), (acme(key="bolt", tenant_id=3), own())])
    assert [tenant.key for tenant in registry.list()] == ["bolt"]
    assert connection.execute("select tenant from control.credentials").fetchall() == [("bolt",)]


def test_two_that_add_the_same_key_at_once_are_one_tenant_and_one_refusal(
    database: postgres.Database, registry: Registry, vault_key: Secret
) -> None:
    outcomes: list[object] = []
    start = threading.Barrier(4)

    def add(number: int) -> None:
        with postgres.connect(database, autocommit=True) as connection:
            start.wait()
            try:
                outcomes.append(Registry(connection, Vault([vault_key])).add(acme(tenant_id=number), own()).tenant_id)
            except TenantExists as refused:
                outcomes.append(refused)

    threads = [threading.Thread(target=add, args=[number]) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [registry.get("acme").tenant_id]
    assert sum(isinstance(outcome, TenantExists) for outcome in outcomes) == 3


def test_an_unknown_tenant_is_answered_with_the_nearest_keys(registry: Registry) -> None:
    registry.add(acme(), own())
    with pytest.raises(TenantUnknown, match="did you mean acme"):
        registry.get("acne")
    with pytest.raises(TenantUnknown, match="st-pipeline tenants list"):
        registry.get("zzz")


def test_every_method_knows_unknown_tenants(registry: Registry) -> None:
    for attempt in (
        lambda: registry.set("ghost", name="x"),
        lambda: registry.enable("ghost"),
        lambda: registry.disable("ghost"),
        lambda: registry.remove("ghost"),
        lambda: registry.record_check("ghost", CONNECTED, CHECKED),
        lambda: registry.credentials("ghost"),
        lambda: registry.outline("ghost"),
        lambda: registry.replace_credentials("ghost", new_parts("cid.x", Secret("x"))),
    ):
        with pytest.raises(TenantUnknown):
            attempt()


def test_what_reports_depend_on_moves_updated_at(registry: Registry) -> None:
    before = registry.add(acme(), own())
    for field, value in (("company_code", "SM1"), ("trade", "HVAC"), ("timezone", "America/Denver")):
        after = registry.set("acme", **{field: value})
        assert getattr(after, field) == value
        assert after.updated_at > before.updated_at
        before = after


def test_what_reports_do_not_depend_on_leaves_updated_at(registry: Registry) -> None:
    before = registry.add(acme(company_code="SM1"), own())
    registry.set("acme", name="Acme Inc", cadence="weekly", company_code="SM1")
    registry.disable("acme")
    registry.enable("acme")
    registry.record_check("acme", CONNECTED, CHECKED)
    after = registry.get("acme")
    assert after.updated_at == before.updated_at
    assert (after.name, after.cadence) == ("Acme Inc", "weekly")


def test_an_invalid_change_changes_nothing_of_the_others(registry: Registry) -> None:
    before = registry.add(acme(), own())
    with pytest.raises(FieldInvalid, match="tenant acme: cadence"):
        registry.set("acme", name="New", cadence="sometimes")
    assert registry.get("acme") == before


def test_company_code_and_trade_can_be_taken_away(registry: Registry) -> None:
    registry.add(acme(company_code="SM1", trade="HVAC"), own())
    after = registry.set("acme", company_code="", trade=" ")
    assert (after.company_code, after.trade) == (None, None)


def test_credentials_can_be_entered_later(registry: Registry) -> None:
    registry.add(acme(), None)
    with pytest.raises(CredentialsMissing):
        registry.credentials("acme")
    with pytest.raises(CredentialsMissing):
        registry.add_secret("acme", Secret("cs1.x"))
    registry.replace_credentials("acme", new_parts("cid.acme", Secret("cs1.x")))
    assert registry.outline("acme") is not None


def test_two_secrets_stand_side_by_side_until_one_is_revoked(registry: Registry) -> None:
    registry.add(acme(), own_credentials("cid.acme", Secret("cs1.first"), Secret("ak1.x")))
    assert registry.add_secret("acme", Secret(" cs1.second "))
    assert not registry.add_secret("acme", Secret("cs1.third")), "there are two"
    both = registry.credentials("acme")
    assert isinstance(both, TwoSecrets)
    assert (both.client_secret, both.older_secret) == (Secret("cs1.second"), Secret("cs1.first"))
    outline = registry.outline("acme")
    assert outline
    assert outline.older
    assert outline.newest.added_at > outline.older.added_at
    assert registry.revoke_secret("acme", outline.newest.added_at)
    assert not registry.revoke_secret("acme", outline.newest.added_at), "it is gone"
    assert registry.credentials("acme").client_secret == Secret("cs1.first")
    assert not isinstance(registry.credentials("acme"), TwoSecrets)
    assert registry.revoke_secret("acme", outline.older.added_at)
    assert registry.outline("acme") is None


def test_the_older_secret_can_be_revoked_and_the_newer_stays(registry: Registry) -> None:
    registry.add(acme(), own_credentials("cid.acme", Secret("cs1.first"), Secret("ak1.x")))
    registry.add_secret("acme", Secret("cs1.second"))
    outline = registry.outline("acme")
    assert outline
    assert outline.older
    assert registry.revoke_secret("acme", outline.older.added_at)
    assert registry.credentials("acme").client_secret == Secret("cs1.second")


def test_entering_credentials_anew_leaves_one_secret(registry: Registry) -> None:
    registry.add(acme(), own_credentials("cid.acme", Secret("cs1.first"), Secret("ak1.x")))
    registry.add_secret("acme", Secret("cs1.second"))
    registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.third")))
    outline = registry.outline("acme")
    assert outline
    assert outline.older is None
    assert registry.credentials("acme").client_secret == Secret("cs1.third")


def test_encryption_is_renewed_of_both_secrets(connection: psycopg.Connection[Any], vault_key: Secret) -> None:
    old = Registry(connection, Vault([vault_key]), Secret("ak1.shared"))
    old.add(acme(), own())
    old.add_secret("acme", Secret("cs1.second"))
    newest = new_key()
    assert Registry(connection, Vault([newest, vault_key])).renew_encryption() == 1
    both = Registry(connection, Vault([newest]), Secret("ak1.shared")).credentials("acme")
    assert isinstance(both, TwoSecrets)
    assert both.client_secret == Secret("cs1.second")


def test_an_unknown_field_is_a_mistake_of_the_program(registry: Registry) -> None:
    registry.add(acme(), own())
    with pytest.raises(TypeError, match="colour"):
        registry.set("acme", colour="red")


def test_a_time_zone_that_only_python_knows_is_refused(registry: Registry) -> None:
    # fields.py would not let it through; the check is for a Postgres older than Python's list.
    strange = replace(acme(), timezone="Mars/Olympus")
    with pytest.raises(FieldInvalid, match="unknown to this Postgres"):
        registry.add(strange, own())
    assert registry.list() == []


def test_enabled_is_apart_from_the_status(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.record_check("acme", CONNECTED, CHECKED)
    assert not registry.disable("acme").enabled
    assert registry.get("acme").status is Status.CONNECTED
    assert registry.enable("acme").enabled


def test_a_check_is_recorded_with_its_time_and_scopes(registry: Registry) -> None:
    registry.add(acme(), own())
    tenant = registry.record_check("acme", CONNECTED, CHECKED)
    assert (tenant.status, tenant.status_detail) == (Status.CONNECTED, "connected")
    assert tenant.granted_scopes == CONNECTED.scopes
    assert tenant.checked_at == tenant.connected_at == tenant.status_since == CHECKED


def test_status_since_is_when_the_status_changed_and_scopes_outlive_a_refusal(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.record_check("acme", CONNECTED, CHECKED)
    later, latest = CHECKED.replace(hour=13), CHECKED.replace(hour=14)
    assert registry.record_check("acme", CONNECTED, later).status_since == CHECKED
    tenant = registry.record_check("acme", CheckResult(Status.REFUSED, "no"), latest)
    assert (tenant.status_since, tenant.checked_at, tenant.connected_at) == (latest, latest, later)
    assert tenant.granted_scopes == CONNECTED.scopes


def test_removing_takes_the_credentials_along(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    added = registry.add(acme(), own())
    assert registry.remove("acme") == added
    assert registry.list() == []
    assert connection.execute("select count(*) from control.credentials").fetchone() == (0,)


def test_a_new_secret_replaces_the_old_and_the_rest_stays(registry: Registry) -> None:
    registry.add(acme(), own("ak1.own"))
    registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.new")))
    assert registry.credentials("acme") == Credentials("cid.acme", Secret("cs1.new"), Secret("ak1.own"), "app-1")


def test_an_app_key_of_its_own_can_come_and_go(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.replace_credentials("acme", new_parts(app_key=Secret("ak1.own")))
    assert registry.credentials("acme").app_key == Secret("ak1.own")
    registry.replace_credentials("acme", new_parts(drops_app_key=True))
    assert registry.credentials("acme").app_key == Secret("ak1.shared")


def test_lost_credentials_need_id_and_secret(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    registry.add(acme(), own())
    connection.execute("delete from control.credentials")
    assert registry.outline("acme") is None
    with pytest.raises(CredentialsMissing, match="--client-id"):
        registry.credentials("acme")
    with pytest.raises(CredentialsMissing):
        registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.new")))
    registry.replace_credentials("acme", new_parts("cid.new", Secret("cs1.new")))
    assert registry.credentials("acme").client_id == "cid.new"


def test_an_outline_opens_nothing(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    registry.add(acme(), own())
    outline = Registry(connection, Vault([Secret(Fernet.generate_key().decode())])).outline("acme")
    assert outline is not None
    assert (outline.client_id, outline.has_own_app_key) == ("cid.acme", False)


def test_rotation_encrypts_everything_with_the_newest_key(
    registry: Registry, connection: psycopg.Connection[Any], vault_key: Secret
) -> None:
    registry.add(acme(), own(CANARY_APP_KEY))
    registry.add(acme(key="bolt", tenant_id=2), own())
    new = Secret(Fernet.generate_key().decode())
    assert Registry(connection, Vault([new, vault_key])).renew_encryption() == 2
    only_new = Registry(connection, Vault([new]), Secret("ak1.shared"))
    assert only_new.credentials("acme").app_key == Secret(CANARY_APP_KEY)
    assert only_new.credentials("bolt").client_secret == Secret(CANARY_SECRET)
    with pytest.raises(VaultLocked):
        registry.credentials("acme")


def test_a_rotation_that_cannot_open_one_changes_none(
    registry: Registry, connection: psycopg.Connection[Any], vault_key: Secret
) -> None:
    stranger, new = (Secret(Fernet.generate_key().decode()) for _ in range(2))
    registry.add(acme(), own())
    Registry(connection, Vault([stranger])).add(acme(key="bolt", tenant_id=2), own())
    with pytest.raises(VaultLocked, match="tenant bolt, client_secret"):
        Registry(connection, Vault([new, vault_key])).renew_encryption()
    assert registry.credentials("acme").client_secret == Secret(CANARY_SECRET)


def test_with_a_lost_key_credentials_can_be_entered_anew(
    registry: Registry, connection: psycopg.Connection[Any]
) -> None:
    registry.add(acme(), own())
    other = Registry(connection, Vault([Secret(Fernet.generate_key().decode())]), Secret("ak1.shared"))
    with pytest.raises(VaultLocked, match="ST_PIPELINE_SECRET_KEYS") as refused:
        other.credentials("acme")
    assert CANARY_SECRET not in "".join(traceback.format_exception(refused.value))
    other.replace_credentials("acme", new_parts(client_secret=Secret("cs1.new")))
    assert other.credentials("acme").client_secret == Secret("cs1.new")


def test_a_method_is_committed_by_itself_without_autocommit(
    database: postgres.Database, registry: Registry, vault_key: Secret
) -> None:
    with postgres.connect(database) as connection:
        ordinary = Registry(connection, Vault([vault_key]))
        ordinary.list()
        ordinary.add(acme(), own())
        assert registry.get("acme").key == "acme"


def test_a_callers_transaction_takes_the_methods_in(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(ZeroDivisionError), connection.transaction():
        registry.add(acme(), own())
        raise ZeroDivisionError
    assert registry.list() == []


def test_the_settings_give_vault_and_shared_app_key(connection: psycopg.Connection[Any], vault_key: Secret) -> None:
    environment = {"ST_PIPELINE_SECRET_KEYS": vault_key.reveal(), "SERVICETITAN_APP_KEY": CANARY_APP_KEY}
    registry = Registry.of(connection, Settings.from_environment(environment))
    registry.add(acme(), own())
    assert registry.credentials("acme").app_key == Secret(CANARY_APP_KEY)
