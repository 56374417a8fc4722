"""alerting/channel_health.py: whether the channels answer, and which of them received an incident."""

from __future__ import annotations

import pytest

from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.channel_health import Health, read_health, read_notified_channels
from st_pipeline.alerting.incidents import Closed, Reconciled
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.steps.step import Do, Step
from tests.support.past import HOUR, MINUTE, NOW, Past

URL = "http://dagster.example"
CHANNELS = ["mail", "slack"]


@pytest.fixture
def alerts(past: Past) -> list[int]:
    """Two incidents have begun; nobody was told yet."""
    found = [Finding("stale", key, Severity.NOW, "old", NOW - HOUR, (Step(Do.SYNC),)) for key in ("acme", "bolt")]
    incident_table.store(past.connection, Reconciled(found, [], []), URL, NOW)
    return [one.alert.id for one in deliveries.read_waiting(past.connection, "mail")]


def test_a_channel_that_nothing_was_sent_to_is_there_with_nothing(past: Past, alerts: list[int]) -> None:
    assert read_health(past.connection, CHANNELS) == {
        name: Health(name, delivered=0, last_delivered_at=None, failing=0, attempts=0, next_try_at=None)
        for name in CHANNELS
    }
    assert read_health(past.connection, []) == {}


def test_what_got_through_and_when_it_last_did_is_counted_by_channel(past: Past, alerts: list[int]) -> None:
    deliveries.record_round(past.connection, "mail", alerts[:1], delivered_at=NOW + HOUR)
    deliveries.record_round(past.connection, "mail", alerts[1:], delivered_at=NOW)
    health = read_health(past.connection, CHANNELS)
    assert (health["mail"].delivered, health["mail"].last_delivered_at, health["mail"].failing) == (2, NOW + HOUR, 0)
    assert health["slack"].delivered == 0


def test_a_channel_that_fails_has_its_tries_and_the_next_one(past: Past, alerts: list[int]) -> None:
    first, second = alerts
    for minutes in (1, 5, 30):
        deliveries.record_round(past.connection, "slack", [first], next_try_at=NOW + minutes * MINUTE)
    deliveries.record_round(past.connection, "slack", [second], next_try_at=NOW + 10 * MINUTE)
    health = read_health(past.connection, CHANNELS)["slack"]
    assert (health.failing, health.attempts, health.next_try_at) == (2, 3, NOW + 10 * MINUTE)
    deliveries.record_round(past.connection, "slack", [second], delivered_at=NOW + HOUR)
    health = read_health(past.connection, CHANNELS)["slack"]
    assert (health.delivered, health.failing, health.attempts) == (1, 1, 3)
    assert health.next_try_at == NOW + 30 * MINUTE
    deliveries.record_round(past.connection, "slack", [first], delivered_at=NOW + HOUR)
    health = read_health(past.connection, CHANNELS)["slack"]
    assert (health.delivered, health.failing, health.attempts, health.next_try_at) == (2, 0, 0, None), "all is well"


def test_a_channel_that_is_no_longer_configured_is_left_out(past: Past, alerts: list[int]) -> None:
    deliveries.record_round(past.connection, "gone", alerts, delivered_at=NOW)
    assert set(read_health(past.connection, CHANNELS)) == set(CHANNELS)


def test_an_incident_names_the_channels_that_have_had_its_beginning(past: Past, alerts: list[int]) -> None:
    acme, bolt = incident_table.read_open_incidents(past.connection)
    assert read_notified_channels(past.connection, [acme.id, bolt.id]) == {}
    for name in ("slack", "mail"):
        deliveries.record_round(past.connection, name, alerts[:1], delivered_at=NOW)
    deliveries.record_round(past.connection, "mail", alerts[1:], next_try_at=NOW + HOUR)
    assert read_notified_channels(past.connection, [acme.id, bolt.id]) == {acme.id: ["mail", "slack"]}
    assert read_notified_channels(past.connection, [bolt.id]) == {}
    assert read_notified_channels(past.connection, []) == {}


def test_being_told_that_it_is_over_is_not_being_told_that_it_began(past: Past, alerts: list[int]) -> None:
    acme, _ = incident_table.read_open_incidents(past.connection)
    incident_table.store(past.connection, Reconciled([], [], [(acme, Closed.RECOVERED)]), URL, NOW + HOUR)
    ends = past.connection.execute("select id from control.alerts where kind <> 'opened'").fetchall()
    deliveries.record_round(past.connection, "mail", [row[0] for row in ends], delivered_at=NOW + HOUR)
    assert read_notified_channels(past.connection, [acme.id]) == {}
