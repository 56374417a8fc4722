"""What follows from how a sync ended: green, worth another try, and the row of the history."""

from __future__ import annotations

import adbc_driver_manager
import psycopg
import pytest

from st_pipeline.landing.land import Incomplete, Landed
from st_pipeline.landing.lock import TenantBusy
from st_pipeline.monitoring.history import EntityRecord
from st_pipeline.postgres import PostgresError
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    CursorRefused,
    LoopDetected,
    Malformed,
    NotConnected,
    RequestWrong,
    ScopeMissing,
    Unavailable,
)
from st_pipeline.sync.outcome import EntityOutcome, Outcome, TenantOutcome, is_retryable
from st_pipeline.tenants.errors import CredentialsMissing
from st_pipeline.warehouse.deletions import Judged
from st_pipeline.warehouse.loading import Loaded, Unbalanced
from st_pipeline.warehouse.schema import SchemaConflict

PASSES = [
    Unavailable("x", tries=1, seconds=1.0, tenant="t"),
    Malformed("x", tenant="t"),
    LoopDetected("x", tenant="t"),
    Incomplete("x"),
    TenantBusy("x"),
    PostgresError("x"),
    psycopg.OperationalError("the server went away"),
    adbc_driver_manager.OperationalError("x", status_code=adbc_driver_manager.AdbcStatusCode.IO),
]
STAYS = [
    CredentialsRefused("x", tenant="t"),
    NotConnected("x", tenant="t"),
    ScopeMissing("x", scope="s", tenant="t"),
    RequestWrong("x", tenant="t"),
    CursorRefused("x", tenant="t"),
    CredentialsMissing("x"),
    Unbalanced("x"),
    SchemaConflict("x"),
    psycopg.ProgrammingError("x"),
    ValueError("x"),
]


@pytest.mark.parametrize("error", PASSES, ids=lambda error: type(error).__name__)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    assert is_retryable(error)


@pytest.mark.parametrize("error", STAYS, ids=lambda error: type(error).__name__)
def test_what_needs_a_person_is_not(error: Exception) -> None:
    assert not is_retryable(error)


def test_not_granted_is_a_failure_only_for_what_the_legacy_tables_need() -> None:
    needed = EntityOutcome("jpm_appointments", Outcome.NOT_GRANTED, error="acme jpm_appointments: not granted (s)")
    spared = EntityOutcome("memberships_memberships", Outcome.NOT_GRANTED, error="not granted (s)")
    assert (needed.is_failure, spared.is_failure) == (True, False)
    tenant = TenantOutcome("acme", {o.entity: o for o in (needed, spared)})
    assert tenant.failures == ["acme jpm_appointments: not granted (s)"]
    assert not tenant.is_retryable


def test_a_tenant_is_worth_another_try_when_all_that_failed_may_pass() -> None:
    passing = EntityOutcome("jpm_jobs", Outcome.FAILED, error="no answer", is_retryable=True)
    staying = EntityOutcome("jpm_job_types", Outcome.FAILED, error="refused")
    fine = EntityOutcome("crm_customers")
    assert TenantOutcome("a", {"1": passing, "2": fine}).is_retryable
    assert not TenantOutcome("a", {"1": passing, "2": staying}).is_retryable
    assert not TenantOutcome("a", {"2": fine}).is_retryable
    assert TenantOutcome("a", error="busy", error_is_retryable=True).is_retryable
    assert not TenantOutcome("a", {"1": passing}, error="refused").is_retryable
    assert TenantOutcome("a", {"1": passing, "2": staying}, error="e").failures == ["e", "no answer", "refused"]


def test_the_row_of_the_history_has_what_was_landed_loaded_and_judged() -> None:
    outcome = EntityOutcome(
        "crm_customers",
        landed=Landed("b", True, records=10, quarantined_whole=2, notes=5, pages=3, files=1, bytes=99, total_count=10),
        loaded=Loaded(files=1, rows=8, quarantined_whole=2),
        judged=Judged(marked=4),
        seconds=1.5,
    )
    assert outcome.record() == EntityRecord(
        "crm_customers", "succeeded", fetched=10, landed=10, loaded=8, quarantined_whole=2, quarantined_fields=3,
        deleted=4, files=1, pages=3, bytes=99, seconds=1.5, api_total=10,
    )  # fmt: skip
    assert EntityOutcome("e", judged=Judged(refused="in doubt")).record().detail == "in doubt"
    assert EntityOutcome("e", Outcome.FAILED, judged=Judged(refused="r"), error="why").record().detail == "why"
