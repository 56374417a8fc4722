"""What follows from how a sync ended: green or not, and the row of the history."""

from __future__ import annotations

from st_pipeline.history.recorder import EntityRecord
from st_pipeline.landing.land import Landed
from st_pipeline.servicetitan.errors import RequestWrong
from st_pipeline.steps.step import Do, Step
from st_pipeline.sync.outcome import EntityOutcome, Outcome, TenantOutcome
from st_pipeline.warehouse.deletions import DeletionVerdict
from st_pipeline.warehouse.loading import Loaded


def test_not_granted_is_a_failure_only_for_what_the_legacy_tables_need() -> None:
    needed = EntityOutcome("jpm_appointments", Outcome.NOT_GRANTED, error="acme jpm_appointments: not granted (s)")
    spared = EntityOutcome("memberships_memberships", Outcome.NOT_GRANTED, error="not granted (s)")
    assert (needed.is_failure, spared.is_failure) == (True, False)
    tenant = TenantOutcome("acme", {o.entity: o for o in (needed, spared)})
    assert tenant.failures == ["acme jpm_appointments: not granted (s)"]


def test_a_tenant_names_all_that_failed_of_it() -> None:
    passing = EntityOutcome("jpm_jobs", Outcome.FAILED, error="no answer")
    staying = EntityOutcome("jpm_job_types", Outcome.FAILED, error="refused")
    assert TenantOutcome("a", {"1": passing, "2": staying}, error="e").failures == ["e", "no answer", "refused"]


def test_one_cause_is_told_once_with_the_entities_it_concerns() -> None:
    tenant = TenantOutcome("acme")
    step = Step(Do.CHECK_TENANT_ID)
    for entity in ("crm_customers", "jpm_jobs", "crm_locations"):
        tenant.entities[entity] = EntityOutcome(entity)
        error = RequestWrong(
            f"GET /{entity} returned 404; tenant id 7 is wrong",
            step,
            tenant="acme",
            entity=entity,
            trace_id=f"t-{entity}",
            cause="ServiceTitan returned 404; tenant id 7 is wrong",
        )
        tenant.entities[entity].fail(error, "acme")
    tenant.entities["jpm_jobs"] = EntityOutcome("jpm_jobs")
    tenant.entities["jpm_jobs"].fail(ValueError("the disk is full"), "acme")
    together = (
        "acme: ServiceTitan returned 404; tenant id 7 is wrong (trace t-crm_customers), "
        "for 2 record types: crm_customers, crm_locations"
    )
    assert tenant.problems == [together, "acme jpm_jobs: the disk is full"]
    assert tenant.failures[0] == f"{together}. Check that the credentials belong to this tenant id."
    assert tenant.entities["crm_locations"].record().detail == (
        "acme/crm_locations: GET /crm_locations returned 404; tenant id 7 is wrong (trace t-crm_locations)"
    )


def test_the_same_error_of_our_own_is_told_once_too() -> None:
    tenant = TenantOutcome("acme", {name: EntityOutcome(name) for name in ("crm_customers", "jpm_jobs")})
    for one in tenant.entities.values():
        one.fail(OSError("no space left on device"), "acme")
    assert tenant.failures == ["acme: no space left on device, for 2 record types: crm_customers, jpm_jobs"]


def test_an_error_leaves_its_steps_and_its_trace_id_with_the_entity_or_the_sync() -> None:
    step = Step(Do.REPORT_TRACE)
    error = RequestWrong("no", step, tenant="acme", entity="jpm_jobs", status=400, trace_id="t-1")
    entity = EntityOutcome("jpm_jobs")
    entity.fail(error, "acme")
    row = entity.record()
    assert (row.outcome, row.detail) == ("failed", "acme/jpm_jobs: no (trace t-1)")
    assert (row.steps, row.trace_id) == ((step,), "t-1")
    tenant = TenantOutcome("acme", {"jpm_jobs": entity})
    tenant.stop(ValueError("the disk is full"))
    assert (tenant.error, tenant.steps, tenant.trace_id) == ("acme: the disk is full", (), None)
    assert tenant.first_trace_id == "t-1"


def test_the_row_of_the_history_has_what_was_landed_loaded_and_judged() -> None:
    outcome = EntityOutcome(
        "crm_customers",
        landed=Landed("b", True, records=10, quarantined_whole=2, notes=5, pages=3, files=1, bytes=99, total_count=10),
        loaded=Loaded(files=1, rows=8, quarantined_whole=2),
        judged=DeletionVerdict(marked=4),
        seconds=1.5,
    )
    assert outcome.record() == EntityRecord(
        "crm_customers", "succeeded", fetched=10, landed=10, loaded=8, quarantined_whole=2, quarantined_fields=3,
        deleted=4, files=1, pages=3, bytes=99, seconds=1.5, api_total=10,
    )  # fmt: skip
    assert EntityOutcome("e", judged=DeletionVerdict(refused="in doubt")).record().detail == "in doubt"
    assert EntityOutcome("e", Outcome.FAILED, judged=DeletionVerdict(refused="r"), error="why").record().detail == "why"
