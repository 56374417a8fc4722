"""tenant_health.py: refused, not connected, old credentials, stale; each provoked, and silent before its time."""

from __future__ import annotations

import pytest

from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.errors import CredentialsRefused, NotConnected
from st_pipeline.steps.commands import command_words
from st_pipeline.tenants.connection_check import explain_refusal
from st_pipeline.tenants.credentials import new_parts
from st_pipeline.tenants.model import Status
from tests.support.monitored import Find
from tests.support.past import DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, read


def by_rule(findings: list[Finding]) -> dict[str, Finding]:
    rules = {finding.rule: finding for finding in findings}
    assert len(rules) == len(findings)
    return rules


def test_refused_credentials_are_told_since_when_and_with_the_checks_own_advice(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - DAY)
    error = NotConnected("not connected", tenant="acme", status=400)
    found = explain_refusal(past.registry.get("acme"), error)
    past.found("acme", found.status, found.detail, LAST_NIGHT, found.cause, found.steps)
    past.sync(LAST_NIGHT, error=f"acme: rejected by ServiceTitan. {found.detail}")
    rules = by_rule(find())
    refused = rules.pop("credentials_refused")
    assert (refused.tenant, refused.severity, refused.since) == ("acme", Severity.NOW, LAST_NIGHT)
    assert "no longer accepts the client secret" in refused.what
    assert "tenants rotate acme" in command_words(
        refused.steps, refused.tenant
    ) and "generate a new client secret" in command_words(refused.steps, refused.tenant)
    assert all(other.is_consequence for other in rules.values())
    assert "failed_sync" in rules


def test_a_refused_app_key_has_other_advice(past: Past, find: Find) -> None:
    past.tenant()
    error = CredentialsRefused("401. Check the app key", tenant="acme", entity="crm_customers", status=401)
    found = explain_refusal(past.registry.get("acme"), error)
    past.found("acme", found.status, found.detail, NOW, found.cause, found.steps)
    past.sync(NOW - HOUR, entities=[read()])
    (refused,) = find()
    assert refused.rule == "credentials_refused"
    assert "--app-key-file" in command_words(refused.steps, refused.tenant)


def test_a_tenant_that_was_never_let_in_is_told_when_its_administrator_had_a_day(past: Past, find: Find) -> None:
    past.tenant(since=NOW - DAY)
    past.connection.execute("update control.tenants set connected_at = null")
    found = explain_refusal(past.registry.get("acme"), NotConnected("not connected", tenant="acme", status=400))
    past.found("acme", found.status, found.detail, NOW - DAY, found.cause, found.steps)
    past.sync(NOW - DAY, error=f"acme: not connected yet. {found.detail}")
    assert [finding for finding in find(NOW - MINUTE) if not finding.is_consequence] == []
    (told,) = [finding for finding in find(NOW) if not finding.is_consequence]
    assert (told.rule, told.severity) == ("not_connected", Severity.CAN_WAIT)
    assert "does not recognize the client id and client secret yet" in told.what
    assert "connects the app" in command_words(told.steps, told.tenant)


def test_a_tenant_that_nobody_checked_yet_is_not_told(past: Past, find: Find) -> None:
    past.tenant(since=NOW - 30 * DAY)
    past.connection.execute("update control.tenants set status = 'not_connected', checked_at = null")
    assert find() == []


@pytest.mark.parametrize(("age", "is_told"), [(75, False), (76, True), (90, True), (200, True)])
def test_credentials_are_told_when_they_are_about_to_be_90_days_old(
    past: Past, find: Find, age: int, is_told: bool
) -> None:
    past.tenant(since=NOW - 300 * DAY, credentials_since=NOW - age * DAY)
    past.nights(3)
    findings = find()
    assert [finding.rule for finding in findings] == ["credentials_old"] * is_told
    if is_told:
        due = "before they are 90 days old" if age < 90 else "at least every 90 days"
        assert findings[0].what == f"Credentials are {age} days old; replace them {due}"
        assert "tenants rotate acme" in command_words(findings[0].steps, "acme")


def test_new_credentials_are_young_again(past: Past, find: Find) -> None:
    past.tenant(credentials_since=NOW - 89 * DAY)
    past.nights(3)
    assert [finding.rule for finding in find()] == ["credentials_old"]
    past.registry.replace_credentials("acme", new_parts(client_secret=Secret("cs1.new")))
    past.connection.execute("update control.credentials set created_at = least(created_at, %s)", (NOW,))
    assert find() == []


def test_a_tenant_whose_syncs_stopped_is_stale_when_its_cadence_and_the_grace_have_passed(
    past: Past, find: Find
) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - DAY)
    assert find(LAST_NIGHT + 4 * HOUR - MINUTE) == []
    (stale,) = find(LAST_NIGHT + 4 * HOUR)
    assert (stale.rule, stale.severity, stale.since) == ("stale", Severity.NOW, LAST_NIGHT - DAY + 5 * MINUTE)
    assert "2026-06-09 02:05 UTC" in stale.what and "nightly" in stale.what
    past.sync(NOW - MINUTE, entities=[read()], seconds=30)
    assert find() == []


def test_a_tenant_that_never_succeeded_is_stale_from_when_it_came(past: Past, find: Find) -> None:
    past.tenant(since=NOW - 3 * DAY)
    (stale,) = find()
    assert stale.rule == "stale"
    assert "No sync has succeeded yet" in stale.what
    assert stale.since == NOW - 3 * DAY


def test_a_tenant_that_connected_late_is_not_stale_before_its_first_sync_had_its_time(past: Past, find: Find) -> None:
    past.tenant(since=NOW - 9 * DAY)
    past.found("acme", Status.NOT_CONNECTED, "The app is not connected.", NOW - 9 * DAY)
    past.found("acme", Status.CONNECTED, "connected", LAST_NIGHT + MINUTE)
    assert find(LAST_NIGHT + 2 * MINUTE) == []
    assert find(LAST_NIGHT + DAY + 4 * HOUR - MINUTE) == []
    assert [finding.rule for finding in find(LAST_NIGHT + DAY + 4 * HOUR)] == ["stale"]


def test_a_time_zone_that_the_database_does_not_know_is_told_until_it_is_corrected(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3)
    assert find() == []
    row = past.connection.execute("select pg_get_functiondef('control.knows_zone'::regproc)").fetchone()
    assert row
    # As a server with an older list of zones answers. Python's list is its own.
    past.connection.execute(
        "create or replace function control.knows_zone(zone text) returns boolean stable language sql "
        "return zone <> 'UTC'"
    )
    try:
        (told,) = find()
    finally:
        past.connection.execute(row[0])
    assert (told.rule, told.severity, told.tenant) == ("unknown_time_zone", Severity.NOW, "acme")
    assert "time zone UTC" in told.what
    assert "tenants set acme --timezone" in command_words(told.steps, "acme")
    assert find() == []
