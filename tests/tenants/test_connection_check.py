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
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants.connection_check import explain_refusal, judge_admission
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import CheckCause, Status, Tenant

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
    result = judge_admission(NEW, REQUIRED | {"tn.other:r"})
    assert (result.status, result.cause, result.detail, result.steps) == (
        Status.CONNECTED,
        CheckCause.NONE,
        "connected",
        (),
    )
    assert result.scopes == REQUIRED | {"tn.other:r"}


@pytest.mark.parametrize("entity", list(LEGACY_REQUIRED))
def test_a_missing_scope_that_reports_need_is_named_with_its_entity(entity: str) -> None:
    scope = endpoint(entity).scope
    result = judge_admission(NEW, REQUIRED - {scope})
    assert result.status is Status.CONNECTED
    assert result.cause is CheckCause.SCOPE
    assert result.steps == (Step(Do.GRANT_SCOPE, scope), Step(Do.TEST_CONNECTION))
    assert scope in result.detail
    assert entity in result.detail


def test_scopes_that_reports_can_do_without_are_not_missed() -> None:
    assert endpoint("memberships_memberships").scope not in REQUIRED
    assert judge_admission(NEW, REQUIRED).cause is CheckCause.NONE


def test_a_token_that_lists_no_scopes_is_taken_as_one_for_all() -> None:
    assert judge_admission(NEW, frozenset()).cause is CheckCause.NONE


@pytest.mark.parametrize(
    ("tenant", "error", "status", "cause", "step"),
    [
        (NEW, NotConnected("no", tenant="acme", status=400), Status.NOT_CONNECTED, CheckCause.CLIENT, Do.CONNECT_APP),
        (KNOWN, NotConnected("no", tenant="acme", status=400), Status.REFUSED, CheckCause.CLIENT, Do.GENERATE_SECRET),
        (
            NEW,
            CredentialsRefused("no", tenant="acme", status=401),
            Status.NOT_CONNECTED,
            CheckCause.CLIENT,
            Do.ENTER_CREDENTIALS,
        ),
        (
            KNOWN,
            CredentialsRefused("no", tenant="acme", status=401),
            Status.REFUSED,
            CheckCause.CLIENT,
            Do.ENTER_SECRET,
        ),
        (
            NEW,
            CredentialsRefused("no", tenant="acme", entity="crm_customers", status=401),
            Status.REFUSED,
            CheckCause.APP_KEY,
            Do.ENTER_APP_KEY,
        ),
        (
            NEW,
            ScopeMissing("no", scope="tn.crm.customers:r", tenant="acme", entity="crm_customers", status=403),
            Status.REFUSED,
            CheckCause.TENANT_ID,
            Do.CORRECT_TENANT_ID,
        ),
        (
            KNOWN,
            RequestWrong("no", tenant="acme", entity="crm_customers", status=404),
            Status.REFUSED,
            CheckCause.TENANT_ID,
            Do.CHECK_APP_ALLOWED,
        ),
        (
            NEW,
            RequestWrong("no", tenant="acme", status=404),
            Status.UNREACHABLE,
            CheckCause.NO_ANSWER,
            Do.TEST_CONNECTION,
        ),
        (
            KNOWN,
            Unavailable("no", Step(Do.CHECK_STATUS_PAGE), tries=3, seconds=1, tenant="acme"),
            Status.UNREACHABLE,
            CheckCause.NO_ANSWER,
            Do.CHECK_STATUS_PAGE,
        ),
        (KNOWN, Malformed("no", tenant="acme"), Status.UNREACHABLE, CheckCause.NO_ANSWER, Do.TEST_CONNECTION),
    ],
)
def test_every_refusal_has_a_status_a_cause_and_a_next_step(
    tenant: Tenant, error: ServiceTitanError, status: Status, cause: CheckCause, step: Do
) -> None:
    result = explain_refusal(tenant, error)
    assert (result.status, result.cause) == (status, cause)
    assert step in [each.do for each in result.steps]
    assert "st-pipeline" not in result.detail
    assert "\n" not in result.detail
