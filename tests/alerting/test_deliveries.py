"""deliveries.py: no alert is lost or sent twice, and a channel that is down is tried less and less."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.alerting import incident_table
from st_pipeline.alerting.channels import Channel, open_channels
from st_pipeline.alerting.deliveries import PAUSES, Delivered, Waiting, deliver, pause, select_due
from st_pipeline.alerting.incidents import Incident, Reconciled, reconcile
from st_pipeline.alerting.messages import Alert
from st_pipeline.alerting.quiet_hours import parse_quiet_hours
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.secret import Secret
from st_pipeline.steps.step import Do, Step
from tests.support.past import HOUR, MINUTE, NOW, Past
from tests.support.webhook import Webhook, webhook

CANARY = "canary-of-deliveries-c0de"
QUIET = parse_quiet_hours("11:00-14:00")


@pytest.fixture
def channels(hook: Webhook) -> list[Channel]:
    return open_channels([Secret(f"json://{hook.address}/{CANARY}")])


def open_(past: Past, number: int = 1, severity: Severity = Severity.NOW) -> None:
    findings = [Finding("stale", f"t{n}", severity, "old", NOW, (Step(Do.SYNC),)) for n in range(number)]
    incident_table.store(past.connection, Reconciled(findings, [], []), "http://dagster", NOW)


def close(past: Past) -> None:
    known = incident_table.read_open_incidents(past.connection)
    tenants = {incident.tenant for incident in known}
    incident_table.store(past.connection, reconcile(known, [], tenants, {"stale"}), "http://dagster", NOW)


def send(past: Past, channels: list[Channel], minutes: float = 0, **changes: object) -> Delivered:
    options = {"quiet": None, "digest_over": 5} | changes
    return deliver(past.connection, channels, NOW + minutes * MINUTE, **options)  # pyright: ignore[reportArgumentType]


def unsettled(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from control.alerts where settled_at is null").fetchone()
    assert row
    return row[0]


def test_a_waiting_alert_is_sent_once(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past)
    assert send(past, channels) == Delivered(sent=1)
    assert send(past, channels, 1) == Delivered()
    assert [body["tenant"] for body in hook.take()] == ["t0"]
    assert unsettled(past.connection) == 0


def test_a_channel_that_is_down_is_retried_with_growing_pauses_until_it_accepts(
    past: Past, hook: Webhook, channels: list[Channel]
) -> None:
    open_(past)
    hook.status = 503
    tried = [minute for minute in range(70) if send(past, channels, minute).failed]
    pauses = [int(pause.total_seconds() / 60) for pause in PAUSES]
    assert [later - earlier for earlier, later in pairwise(tried)] == [*pauses, 15, 15]
    hook.status = 200
    assert [minute for minute in range(70, 100) if send(past, channels, minute).sent] == [tried[-1] + 15]
    assert len(hook.take()) == 1
    assert unsettled(past.connection) == 0


def test_a_channel_that_is_down_does_not_delay_other_channels(
    past: Past, hook: Webhook, channels: list[Channel]
) -> None:
    with webhook() as other:
        other.status = 500
        both = [*open_channels([Secret(f"json://{other.address}/")]), *channels]
        open_(past)
        assert send(past, both) == Delivered(sent=1, failed=1)
        assert unsettled(past.connection) == 1
        other.status = 200
        assert send(past, both, 1) == Delivered(sent=1)
        assert (len(hook.take()), len(other.take())) == (1, 1)
    assert unsettled(past.connection) == 0


def test_a_channel_that_is_down_costs_one_try_per_round(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past, 4)
    hook.status = 500
    assert send(past, channels) == Delivered(failed=1)
    assert len(hook.asked) == 1


def test_a_round_without_time_sends_one_message_and_the_next_round_goes_on(
    past: Past, hook: Webhook, channels: list[Channel]
) -> None:
    open_(past, 3)
    assert [send(past, channels, minute, seconds=0) for minute in range(4)] == [Delivered(sent=1)] * 3 + [Delivered()]
    assert [body["tenant"] for body in hook.take()] == ["t0", "t1", "t2"]


def test_more_at_once_than_allowed_are_one_digest(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past, 40)
    assert send(past, channels) == Delivered(sent=1)
    (digest,) = hook.take()
    assert (digest["state"], digest["count"]) == ("digest", 40)
    assert unsettled(past.connection) == 0


def test_a_problem_that_ended_while_the_channel_was_down_is_sent_as_passed(
    past: Past, hook: Webhook, channels: list[Channel]
) -> None:
    open_(past)
    hook.status = 500
    send(past, channels)
    close(past)
    hook.status = 200
    assert send(past, channels, 0.5) == Delivered()  # the end is never sent before the beginning
    assert send(past, channels, 1) == Delivered(sent=1)
    assert [body["state"] for body in hook.take()] == ["passed"]


def test_quiet_hours_hold_only_alerts_that_can_wait(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past, severity=Severity.CAN_WAIT)
    assert send(past, channels, quiet=QUIET) == Delivered(held=1)
    finding = Finding("drop", "t9", Severity.NOW, "fewer", NOW, (Step(Do.SYNC),))
    incident_table.store(past.connection, Reconciled([finding], [], []), "http://dagster", NOW)
    assert send(past, channels, quiet=QUIET) == Delivered(sent=1, held=1)
    assert send(past, channels, 120, quiet=QUIET) == Delivered(sent=1)
    assert [body["tenant"] for body in hook.take()] == ["t9", "t0"]


def test_without_a_channel_everything_waits_for_one(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past, 2)
    assert send(past, []) == Delivered()
    assert unsettled(past.connection) == 2
    assert send(past, channels) == Delivered(sent=2)


def test_a_channel_added_later_does_not_get_settled_alerts(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past)
    send(past, channels)
    with webhook() as other:
        both = [*channels, *open_channels([Secret(f"json://{other.address}/")])]
        assert send(past, both, 1) == Delivered()
        close(past)
        assert send(past, both, 2) == Delivered(sent=2)
        assert [body["state"] for body in other.take()] == ["recovered"]


def test_a_removed_channel_blocks_nothing(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past)
    gone = open_channels([Secret("json://127.0.0.1:9/")])
    assert send(past, [*gone, *channels]) == Delivered(sent=1, failed=1)
    assert unsettled(past.connection) == 1
    send(past, channels, 1)
    assert unsettled(past.connection) == 0


def test_no_table_holds_a_channels_url(past: Past, hook: Webhook, channels: list[Channel]) -> None:
    open_(past)
    hook.status = 500
    send(past, channels)
    hook.status = 200
    send(past, channels, 1)
    assert any(CANARY in path for path in hook.asked)
    for table in ("incidents", "alerts", "deliveries"):
        rows = past.connection.execute(f"select t::text from control.{table} t").fetchall()  # pyright: ignore
        assert rows and CANARY not in str(rows)


INCIDENT = Incident(1, "k", "stale", "t", None, Severity.NOW, "w", (), "l", NOW, NOW, NOW)
WAITING = st.builds(
    lambda id_, number, kind, wait: Waiting(Alert(id_, kind, replace(INCIDENT, id=number)), 0, wait),
    st.integers(1, 1000),
    st.integers(1, 4),
    st.sampled_from(["opened", "closed"]),
    st.none() | st.integers(-60, 60).map(lambda minutes: NOW + minutes * MINUTE),
)


@given(st.lists(WAITING, max_size=12, unique_by=lambda one: one.alert.id))
def test_an_incidents_alerts_are_due_together_or_not_at_all(waiting: list[Waiting]) -> None:
    chosen = {alert.id for alert in select_due(waiting, None, NOW)}
    paused = {one.alert.incident for one in waiting if one.next_try_at and one.next_try_at > NOW}
    assert chosen == {one.alert.id for one in waiting if one.alert.incident not in paused}


@given(st.integers(1, 10_000))
def test_pauses_grow_and_stay_bounded(attempts: int) -> None:
    assert timedelta(minutes=1) <= pause(attempts) <= pause(attempts + 1) <= HOUR
