"""tenants/account_binding.py: a tenant that was connected stays its account's, and so does its data after removal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from st_pipeline.tenants.account_binding import require_free, require_own_past, require_unbound
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.errors import FieldInvalid, TenantBound, TenantExists
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.registry import Registry

from .test_registry import CHECKED, CONNECTED, acme, own


def test_a_tenant_that_was_connected_stays_in_its_environment_and_account(registry: Registry) -> None:
    registry.add(acme(), own())
    before = registry.record_check("acme", CheckResult(Status.CONNECTED, "connected"), datetime.now(UTC))
    for change in ({"environment": "production"}, {"tenant_id": 2}):
        with pytest.raises(TenantBound, match="register the other account as a new tenant"):
            registry.set("acme", name="New", **change)
    assert registry.get("acme") == before
    registry.set("acme", environment="sandbox", tenant_id=1001)  # what it is anyway may be said


def test_the_account_of_a_tenant_that_was_never_connected_can_be_corrected(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.add(acme(key="bolt", tenant_id=2), own())
    after = registry.set("acme", environment="production", tenant_id=" 77 ")
    assert (after.environment, after.tenant_id) == ("production", 77)
    registry.set("acme", tenant_id=2)  # bolt's number, in another environment
    with pytest.raises(TenantExists, match="registered as bolt"):
        registry.set("acme", environment="sandbox")
    with pytest.raises(FieldInvalid, match="tenant id"):
        registry.set("acme", tenant_id="12a")


def test_a_key_with_anothers_data_is_corrected_to_that_account_alone(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.record_check("acme", CheckResult(Status.CONNECTED, "connected"), datetime.now(UTC))
    registry.remove("acme")
    registry.add(acme(), own())
    with pytest.raises(TenantBound, match="belonged to another"):
        registry.set("acme", tenant_id=2)


def test_a_key_with_data_is_no_other_accounts_after_removal(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.record_check("acme", CONNECTED, CHECKED)
    registry.remove("acme")
    with pytest.raises(TenantBound, match="belonged to another ServiceTitan account"):
        registry.add(acme(tenant_id=2), own())
    assert registry.list() == []
    registry.add(acme(), own())  # the same account may come back
    registry.remove("acme")
    with pytest.raises(TenantBound):  # and its key is still its own
        registry.add(acme(environment="production"), own())


def test_an_account_with_data_is_under_no_other_key_after_removal(registry: Registry) -> None:
    registry.add(acme(), own())
    registry.record_check("acme", CONNECTED, CHECKED)
    registry.remove("acme")
    with pytest.raises(TenantBound, match=r"was registered as acme before.*register it with the key acme"):
        registry.add(acme(key="bolt"), own())
    registry.add(acme(key="bolt", tenant_id=2), own())
    with pytest.raises(TenantBound, match="was registered as acme before"):
        registry.set("bolt", tenant_id=1001)
    registry.set("bolt", tenant_id=1001, environment="production")  # another account with the same number
    registry.add(acme(), own())


def test_an_account_that_is_under_two_keys_already_keeps_both(
    registry: Registry, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(
        "insert into control.removed_tenants (key, environment, tenant_id) "
        "values ('acme', 'sandbox', 1001), ('bolt', 'sandbox', 1001)"
    )
    assert registry.add(acme(key="bolt"), own()).key == "bolt"


def test_a_key_that_never_connected_can_be_given_anew(registry: Registry) -> None:
    registry.add(acme(tenant_id=10001), own())
    registry.remove("acme")
    assert registry.add(acme(tenant_id=1001), own()).tenant_id == 1001


def test_only_changes_to_another_account_are_refused_to_a_connected_tenant(registry: Registry) -> None:
    never = registry.add(acme(), own())
    connected = replace(never, connected_at=CHECKED)
    for changes in ({}, {"name": "New", "cadence": "weekly"}, {"tenant_id": 1001, "environment": never.environment}):
        require_unbound(connected, changes)
    require_unbound(never, {"tenant_id": 2})
    with pytest.raises(TenantBound, match="acme has connected to the sandbox account 1001"):
        require_unbound(connected, {"name": "New", "tenant_id": 2})


def test_the_account_of_another_tenant_is_taken_and_its_own_is_free(
    registry: Registry, connection: psycopg.Connection[Any]
) -> None:
    one, other = registry.add(acme(), own()), registry.add(acme(key="bolt", tenant_id=2), own())
    require_free(connection, one, {"tenant_id": 1001})
    require_free(connection, one, {"name": "bolt"})
    require_free(connection, one, {"tenant_id": 2, "environment": "production"})
    with pytest.raises(TenantExists, match="already registered as acme") as taken:
        require_free(connection, other, {"tenant_id": 1001})
    assert not taken.value.is_key


def test_a_new_key_and_a_new_account_have_no_past(registry: Registry, connection: psycopg.Connection[Any]) -> None:
    require_own_past(connection, "acme", "sandbox", 1001)
    connection.execute(
        "insert into control.removed_tenants (key, environment, tenant_id) values ('acme', 'sandbox', 1)"
    )
    require_own_past(connection, "acme", "sandbox", 1)
    require_own_past(connection, "bolt", "production", 1)
    for key, tenant_id in (("acme", 2), ("bolt", 1)):
        with pytest.raises(TenantBound):
            require_own_past(connection, key, "sandbox", tenant_id)
