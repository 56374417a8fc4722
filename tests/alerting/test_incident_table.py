"""incident_table.py: rows of incidents and alerts, as problems come and go."""

from __future__ import annotations

import psycopg
import pytest

from st_pipeline.alerting.incident_table import add_test, read_open_incidents, read_recent_incidents, store
from st_pipeline.alerting.incidents import Closed, Reconciled, reconcile
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.steps.step import Do, Step
from tests.support.past import DAY, HOUR, NOW, Past

URL = "http://dagster.example"
FINDING = Finding("stale", "acme", Severity.NOW, "old", NOW - DAY, (Step(Do.SYNC),), "crm_customers", run_id="run-1")


def alerts(connection: psycopg.Connection) -> list[tuple[str, bool]]:
    rows = connection.execute("select kind, settled_at is null from control.alerts order by id").fetchall()
    return [(kind, waits) for kind, waits in rows]


def opened(finding: Finding = FINDING) -> Reconciled:
    return Reconciled([finding], [], [])


def test_an_incident_is_stored_with_all_facts_and_its_alert(past: Past) -> None:
    store(past.connection, opened(), URL, NOW)
    (incident,) = read_open_incidents(past.connection)
    assert (incident.key, incident.rule, incident.tenant) == (FINDING.key, "stale", "acme")
    assert (incident.entity, incident.severity, incident.what) == ("crm_customers", Severity.NOW, "old")
    assert (incident.since, incident.opened_at, incident.steps) == (NOW - DAY, NOW, (Step(Do.SYNC),))
    assert incident.link == "http://dagster.example/runs/run-1"
    assert alerts(past.connection) == [("opened", True)]


def test_an_open_incident_is_updated_without_an_alert(past: Past) -> None:
    store(past.connection, opened(), URL, NOW)
    (incident,) = read_open_incidents(past.connection)
    worse = Finding("stale", "acme", Severity.NOW, "older", NOW - DAY, (Step(Do.FIX_ERROR),), "crm_customers")
    store(past.connection, Reconciled([], [(incident, worse)], []), URL, NOW + HOUR)
    (after,) = read_open_incidents(past.connection)
    assert (after.id, after.what, after.steps) == (incident.id, "older", (Step(Do.FIX_ERROR),))
    assert (after.opened_at, after.last_seen_at) == (NOW, NOW + HOUR)
    assert alerts(past.connection) == [("opened", True)]


def test_an_ended_incident_is_closed_with_the_reason_and_an_alert(past: Past) -> None:
    store(past.connection, opened(), URL, NOW)
    (incident,) = read_open_incidents(past.connection)
    store(past.connection, Reconciled([], [], [(incident, Closed.RECOVERED)]), URL, NOW + HOUR)
    assert read_open_incidents(past.connection) == []
    (after,) = read_recent_incidents(past.connection, NOW)
    assert (after.closed_at, after.closed_because) == (NOW + HOUR, Closed.RECOVERED)
    assert read_recent_incidents(past.connection, NOW + 2 * HOUR) == []
    assert alerts(past.connection) == [("opened", True), ("closed", True)]


def test_the_same_problem_can_return_but_never_be_open_twice(past: Past) -> None:
    store(past.connection, opened(), URL, NOW)
    with pytest.raises(psycopg.errors.UniqueViolation):
        store(past.connection, opened(), URL, NOW)
    news = reconcile(read_open_incidents(past.connection), [], {"acme"}, {"stale"})
    store(past.connection, news, URL, NOW + HOUR)
    store(past.connection, opened(), URL, NOW + 2 * HOUR)
    assert len(read_open_incidents(past.connection)) == 1
    assert len(read_recent_incidents(past.connection, NOW - DAY)) == 2


def test_a_test_alert_is_settled_at_once(past: Past) -> None:
    add_test(past.connection, NOW)
    assert alerts(past.connection) == [("test", False)]
