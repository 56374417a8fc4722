"""history/run_results.py: what the syncs of some runs did, entity by entity and tenant by tenant."""

from __future__ import annotations

from st_pipeline.history import recorder
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.history.run_results import EntityStatus, find_syncs_of_runs, read_entities
from st_pipeline.steps.step import Do, Step
from tests.support.past import HOUR, NOW, Past, read


def test_an_entity_has_the_figures_that_were_recorded(past: Past) -> None:
    past.tenant()
    record = EntityRecord(
        "crm_customers", "failed", fetched=9, landed=8, loaded=7, quarantined_whole=1, quarantined_fields=2, deleted=3,
        seconds=4.5, api_total=20, detail="acme: no answer", steps=(Step(Do.CHECK_STATUS_PAGE),),
    )  # fmt: skip
    sync_id = past.sync(NOW, entities=[record])
    assert read_entities(past.connection, [sync_id]) == [
        EntityStatus(
            "acme",
            "crm_customers",
            "failed",
            9,
            8,
            7,
            1,
            2,
            3,
            4.5,
            20,
            "acme: no answer",
            (Step(Do.CHECK_STATUS_PAGE),),
        )
    ]


def test_only_the_syncs_that_were_named_are_read_by_tenant_and_entity(past: Past) -> None:
    for key in ("bolt", "acme"):
        past.tenant(key)
    earlier = past.sync(NOW - HOUR, "acme", entities=[read("crm_customers", 1)])
    wanted = [
        past.sync(NOW, "bolt", entities=[read("crm_customers", 2)]),
        past.sync(NOW, "acme", entities=[read("jpm_jobs", 4), read("crm_customers", 3)]),
    ]
    found = [(one.tenant, one.entity, one.fetched) for one in read_entities(past.connection, wanted)]
    assert found == [("acme", "crm_customers", 3), ("acme", "jpm_jobs", 4), ("bolt", "crm_customers", 2)]
    assert [one.fetched for one in read_entities(past.connection, [earlier])] == [1]
    assert read_entities(past.connection, []) == []
    assert read_entities(past.connection, [-1]) == []


def test_a_run_over_several_tenants_has_a_sync_of_each_by_tenant(past: Past) -> None:
    for key in ("acme", "bolt", "cole"):
        past.tenant(key)
    bolt = past.sync(NOW, "bolt", run_id="one", error="bolt: no answer")
    acme = past.sync(NOW, "acme", run_id="one")
    other = past.sync(NOW, "cole", run_id="two")
    past.sync(NOW, "cole")
    assert find_syncs_of_runs(past.connection, ["one"]) == [
        (acme, "acme", "succeeded", None, ()),
        (bolt, "bolt", "failed", "bolt: no answer", ()),
    ]
    assert [row[0] for row in find_syncs_of_runs(past.connection, ["one", "two"])] == [acme, bolt, other]
    for none in ([], ["three"], [""]):
        assert find_syncs_of_runs(past.connection, none) == []


def test_of_a_tenant_that_the_runs_synced_twice_the_last_sync_counts(past: Past) -> None:
    past.tenant()
    past.sync(NOW - HOUR, run_id="one", error="acme: no answer")
    again = past.sync(NOW, run_id="two")
    assert find_syncs_of_runs(past.connection, ["one", "two"]) == [(again, "acme", "succeeded", None, ())]


def test_why_a_sync_stopped_comes_with_what_to_do_about_it(past: Past) -> None:
    past.tenant()
    sync_id = recorder.record_start(past.connection, "acme", "one", NOW, full=False)
    steps = (Step(Do.CONNECT_APP), Step(Do.GRANT_SCOPE, "tn.crm.customers:r"))
    recorder.record_finish(
        past.connection, sync_id, "acme", NOW, error="acme: refused", own_error="acme: refused", steps=steps,
        entities=[], calls=[],
    )  # fmt: skip
    assert find_syncs_of_runs(past.connection, ["one"]) == [(sync_id, "acme", "failed", "acme: refused", steps)]


def test_a_sync_that_has_not_ended_has_no_outcome(past: Past) -> None:
    past.tenant()
    sync_id = recorder.record_start(past.connection, "acme", "one", NOW, full=False)
    assert find_syncs_of_runs(past.connection, ["one"]) == [(sync_id, "acme", None, None, ())]
    assert read_entities(past.connection, [sync_id]) == []
