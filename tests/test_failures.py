"""failures.py: what Dagster is told of a sync that failed."""

from __future__ import annotations

import dagster as dg
import pytest

from st_pipeline.failures import sync_failure
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES, is_legacy_required
from st_pipeline.sync.outcome import EntityOutcome, Outcome, TenantOutcome
from tests.support.hostile import HOSTILE, unseen


def failed(tenant: str, *sentences: str) -> TenantOutcome:
    entities = {
        name: EntityOutcome(name, Outcome.FAILED, error=sentence)
        for name, sentence in zip(ASSET_ENTITIES, sentences, strict=False)
    }
    return TenantOutcome(tenant, entities)


def test_it_names_the_tenants_that_failed_and_every_sentence_of_them() -> None:
    outcomes = [failed("acme", "acme: no answer", "acme: refused"), TenantOutcome("bolt"), failed("cole", "cole: late")]
    failure = sync_failure(outcomes)
    assert failure.description == ("2 of 3 tenants failed (acme, cole): acme: no answer; acme: refused; cole: late")
    assert {name: value.value for name, value in failure.metadata.items()} == {
        "acme": "acme: no answer\nacme: refused",
        "cole": "cole: late",
    }


def test_why_a_sync_could_not_start_comes_before_its_entities() -> None:
    outcome = failed("acme", "acme: no answer")
    outcome.error = "acme: the vault is locked"
    assert sync_failure([outcome]).metadata["acme"].value == "acme: the vault is locked\nacme: no answer"


def test_dagster_does_not_retry_it() -> None:
    """The schedule does, after a pause that depends on the tenant."""
    failure = sync_failure([failed("acme", "acme: no answer")])
    assert isinstance(failure, dg.Failure)
    assert failure.allow_retries is False


@pytest.mark.parametrize("entity", ASSET_ENTITIES)
def test_a_missing_scope_is_told_only_where_the_legacy_tables_need_it(entity: str) -> None:
    not_granted = EntityOutcome(entity, Outcome.NOT_GRANTED, error=f"{entity} is not granted")
    failure = sync_failure([TenantOutcome("acme", {entity: not_granted})])
    assert (f"{entity} is not granted" in (failure.description or "")) is is_legacy_required(entity)


def test_a_run_that_fails_with_it_is_a_failure_and_starts_its_step_once() -> None:
    tries: list[int] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=3))
    def sync() -> None:
        tries.append(1)
        raise sync_failure([failed("acme", "acme: no answer")])

    @dg.job(executor_def=dg.in_process_executor)
    def job() -> None:
        sync()

    result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    assert tries == [1]


def test_what_the_api_said_is_visible_in_dagster() -> None:
    failure = sync_failure([failed("acme", HOSTILE)])
    assert not unseen(f"{failure.description}{failure.metadata['acme'].value}")
    assert r"\x1b[2J" in str(failure.description)
