"""entity_freshness.py: entities that were not read within their tenant's cadence, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from st_pipeline.history.recorder import EntityRecord
from st_pipeline.rules.entity_freshness import find_stale_entities, read_last_reads
from st_pipeline.rules.findings import Finding
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import read_tenant_facts
from st_pipeline.rules.thresholds import Rules, Stale
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.commands import command_words
from st_pipeline.tenants.model import Status
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, read

INVOICES = "accounting_invoices"
ALL = [read(entity) for entity in ASSET_ENTITIES]


def stale(past: Past, now: datetime = NOW, rules: Rules | None = None) -> list[Finding]:
    rules = rules or Rules()
    readings, tenants = read_last_reads(past.connection), read_tenant_facts(past.connection)
    return list(find_stale_entities(readings, tenants, rules, now, compute_stale_at(rules)))


def where(findings: list[Finding]) -> list[tuple[str, str | None]]:
    return [(finding.tenant, finding.entity) for finding in findings]


def test_an_entity_that_a_failed_sync_did_not_read_to_its_end_is_stale_alone(past: Past) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - DAY, entities=ALL)
    broken = [EntityRecord(INVOICES, "failed", pages=3), *(one for one in ALL if one.entity != INVOICES)]
    past.sync(LAST_NIGHT, entities=broken, error="acme accounting_invoices: no answer", run_id="run-3")
    assert stale(past, LAST_NIGHT + HOUR) == []
    (found,) = stale(past)
    assert where([found]) == [("acme", INVOICES)]
    assert found.what == "Last downloaded completely 2026-06-09 02:05 UTC, but the schedule is nightly"
    assert (found.since, found.run_id) == (LAST_NIGHT - DAY + 5 * MINUTE, "run-3")
    assert "st-pipeline sync acme --entity accounting_invoices" in command_words(found.steps, found.tenant)


def test_a_sync_of_that_entity_alone_makes_it_fresh_and_a_load_does_not(past: Past) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - 3 * DAY, entities=ALL)
    past.sync(LAST_NIGHT, entities=[one for one in ALL if one.entity != INVOICES])
    past.sync(NOW - HOUR, entities=[EntityRecord(INVOICES, "succeeded", loaded=9)], partial=True)
    assert where(stale(past)) == [("acme", INVOICES)]
    past.sync(NOW - HOUR, entities=[read(INVOICES)], partial=True)
    assert stale(past) == []


def test_each_tenant_is_held_to_its_own_cadence(past: Past) -> None:
    for key, cadence in (("day", "nightly"), ("hour", "every 1h"), ("month", "monthly"), ("never", "paused")):
        past.tenant(key, cadence=cadence)
        past.sync(LAST_NIGHT - 2 * DAY, key, entities=[read(INVOICES)])
        past.sync(LAST_NIGHT, key, entities=[read(CUSTOMERS)])
    found = where(stale(past))
    assert {tenant for tenant, entity in found if entity == INVOICES} == {"day", "hour"}
    assert {tenant for tenant, entity in found if entity == CUSTOMERS} == {"hour"}
    others = {tenant for tenant, entity in found if entity == "jpm_jobs"}
    assert others == {"day", "hour", "month"}, "what was never read counts from the registration"


def test_disabled_and_not_connected_tenants_and_what_is_not_granted_do_not_count(past: Past) -> None:
    for key in ("off", "waits", "few"):
        past.tenant(key)
    past.registry.disable("off")
    past.found("waits", Status.NOT_CONNECTED, "not yet", NOW - DAY)
    granted = [one for one in ALL if one.entity != "jpm_jobs"]
    past.sync(LAST_NIGHT, "few", entities=[*granted, EntityRecord("jpm_jobs", "not_granted")])
    assert stale(past) == []
    (refused,) = [one for one in read_last_reads(past.connection) if not one.is_granted]
    assert (refused.tenant, refused.entity) == ("few", "jpm_jobs")


def test_refused_credentials_leave_everything_stale(past: Past) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - 2 * DAY, entities=ALL)
    past.found("acme", Status.REFUSED, "no longer let in", NOW - DAY)
    assert len(stale(past)) == len(ASSET_ENTITIES)
    assert stale(past, rules=replace(Rules(), stale=Stale(enabled=False))) == []


def test_a_tenant_that_came_just_now_has_time(past: Past) -> None:
    past.tenant(since=NOW - MINUTE)
    assert stale(past) == []
