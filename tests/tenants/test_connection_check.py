"""Whether ServiceTitan lets a tenant in, and what to do when it doesn't."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from st_pipeline.servicetitan.catalogue.assets import LEGACY_REQUIRED
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    Malformed,
    NotConnected,
    RequestWrong,
    ScopeMissing,
    ServiceTitanError,
    Unavailable,
)
from st_pipeline.tenants.connection_check import read_admission, refusal
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant

THEN = datetime(2026, 5, 1, tzinfo=UTC)
NEW = Tenant(
    key="acme",
    name="Acme",
    tenant_id=1001,
    environment=Environment.SANDBOX,
    company_code=None,
    trade=None,
    timezone="UTC",
    cadence="nightly",
    enabled=True,
    status=Status.NOT_CONNECTED,
    status_detail="",
    status_since=THEN,
    checked_at=None,
    connected_at=None,
    granted_scopes=frozenset(),
    created_at=THEN,
    updated_at=THEN,
)
KNOWN = replace(NEW, status=Status.CONNECTED, connected_at=THEN)
REQUIRED = frozenset(endpoint(entity).scope for entity in LEGACY_REQUIRED)


def test_all_that_is_needed_granted_is_connected() -> None:
    result = read_admission(NEW, REQUIRED | {"tn.other:r"})
    assert (result.status, result.detail, result.missing) == (Status.CONNECTED, "connected", ())
    assert result.scopes == REQUIRED | {"tn.other:r"}


@pytest.mark.parametrize("entity", list(LEGACY_REQUIRED))
def test_a_missing_scope_that_reports_need_is_named_with_its_entity(entity: str) -> None:
    scope = endpoint(entity).scope
    result = read_admission(NEW, REQUIRED - {scope})
    assert result.status is Status.CONNECTED
    assert result.missing == (scope,)
    assert scope in result.detail
    assert entity in result.detail
    assert "st-pipeline tenants check acme" in result.detail


def test_scopes_that_reports_can_do_without_are_not_missed() -> None:
    assert endpoint("memberships_memberships").scope not in REQUIRED
    assert read_admission(NEW, REQUIRED).missing == ()


def test_a_token_that_lists_no_scopes_is_taken_as_one_for_all() -> None:
    assert read_admission(NEW, frozenset()).missing == ()


@pytest.mark.parametrize(
    ("tenant", "error", "status", "next_step"),
    [
        (NEW, NotConnected("no", tenant="acme", status=400), Status.NOT_CONNECTED, "API Application Access"),
        (KNOWN, NotConnected("no", tenant="acme", status=400), Status.REFUSED, "it did on 2026-05-01"),
        (NEW, CredentialsRefused("no", tenant="acme", status=401), Status.NOT_CONNECTED, "tenants rotate acme"),
        (KNOWN, CredentialsRefused("no", tenant="acme", status=401), Status.REFUSED, "tenants rotate acme"),
        (
            NEW,
            CredentialsRefused("no", tenant="acme", entity="crm_customers", status=401),
            Status.REFUSED,
            "SERVICETITAN_APP_KEY",
        ),
        (
            NEW,
            ScopeMissing("no", scope="tn.crm.customers:r", tenant="acme", entity="crm_customers", status=403),
            Status.REFUSED,
            "tenant id 1001",
        ),
        (
            NEW,
            RequestWrong("no", tenant="acme", entity="crm_customers", status=404),
            Status.REFUSED,
            "tenant id 1001",
        ),
        (NEW, RequestWrong("no", tenant="acme", status=404), Status.UNREACHABLE, "tenants check acme"),
        (KNOWN, Unavailable("no", tries=3, seconds=1, tenant="acme"), Status.UNREACHABLE, "tenants check acme"),
        (KNOWN, Malformed("no", tenant="acme"), Status.UNREACHABLE, "tenants check acme"),
    ],
)
def test_every_refusal_has_a_status_and_a_next_step(
    tenant: Tenant, error: ServiceTitanError, status: Status, next_step: str
) -> None:
    result = refusal(tenant, error)
    assert result.status is status
    assert next_step in result.detail
    assert "\n" not in result.detail
