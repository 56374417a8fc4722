"""pages/alerts.py and alerting/channel_health.py: incidents, who was told, whether the channels answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.channels import Channel, open_channels
from st_pipeline.alerting.incidents import Closed, Reconciled
from st_pipeline.portal.pages.alerts import kinds_of, urgent_first
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.secret import Secret
from st_pipeline.steps.step import Do, Step
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.portal.connecting import everything
from tests.portal.noted import noted
from tests.support.webhook import Webhook, webhook

CANARY = "canary-channel-token-6e1b"
Channels = list[Channel]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


@pytest.fixture
def channels(portal: Portal, hook: Webhook) -> Iterator[Channels]:
    """The portal with two channels of a kind: one that answers, and one where nobody is."""
    before = portal.settings
    port = hook.server.server_address[1]
    urls = (Secret(f"json://127.0.0.1:{port}/{CANARY}"), Secret(f"json://127.0.0.1:9/{CANARY}"))
    object.__setattr__(portal, "settings", replace(before, alert_urls=urls))
    yield open_channels(urls)
    object.__setattr__(portal, "settings", before)


def happened(control: psycopg.Connection) -> None:
    """An incident that is open, of which nobody was told, and one that is over."""
    now = datetime.now(UTC)
    since = now - timedelta(hours=3)
    found = [
        Finding(
            "failures_in_a_row",
            "acme",
            Severity.NOW,
            "3 syncs failed <b>",
            since,
            (Step(Do.WAIT_FOR_RETRY), Step(Do.SYNC)),
        ),
        Finding("stale", "bolt", Severity.CAN_WAIT, "No data since Monday", since, (Step(Do.SYNC),)),
    ]
    control.execute("truncate control.incidents cascade")
    incident_table.store(control, Reconciled(found, [], []), "http://dagster.test", now)
    over = [one for one in incident_table.read_open_incidents(control) if one.tenant == "bolt"]
    incident_table.store(control, Reconciled([], [], [(over[0], Closed.RECOVERED)]), "http://dagster.test", now)


def test_open_and_past_incidents_are_shown_with_advice_and_who_was_told(
    control: psycopg.Connection, channels: Channels, signed_in: SignedIn
) -> None:
    happened(control)
    page = signed_in(Role.VIEWER).get("/alerts")
    text = text_of(page.text)
    assert (
        "acme : Several syncs in a row failed urgent 3 syncs failed <b>. What to do: Syncs retry automatically." in text
    )
    assert "bolt : Data is out of date recovered No data since Monday" in text
    assert "st-pipeline sync" not in text
    assert "An operator can click Sync now." in text
    assert "notified: no one yet" in text
    assert "json 1 never used" in text
    now = datetime.now(UTC)
    alerts = [one.alert.id for one in deliveries.read_waiting(control, channels[0].name)]
    deliveries.record_round(control, channels[0].name, alerts, delivered_at=now)
    deliveries.record_round(control, channels[1].name, alerts, next_try_at=now + timedelta(minutes=1))
    text = text_of(signed_in(Role.VIEWER).get("/alerts").text)
    assert "notified: json 1" in text
    assert "json 1 working" in text
    assert "json 2 not responding" in text
    assert "(1 tries)" in text


def test_what_cannot_wait_comes_first_each_in_its_order(control: psycopg.Connection, signed_in: SignedIn) -> None:
    happened(control)
    (one,) = incident_table.read_open_incidents(control)
    severities = (Severity.CAN_WAIT, Severity.NOW, Severity.CAN_WAIT, Severity.NOW)
    found = [replace(one, id=number, severity=severity) for number, severity in enumerate(severities)]
    assert [each.id for each in urgent_first(found)] == [1, 3, 0, 2]
    later = Finding("quarantine", "bolt", Severity.CAN_WAIT, "Newer", datetime.now(UTC), (Step(Do.SYNC),))
    incident_table.store(control, Reconciled([later], [], []), "", datetime.now(UTC))
    text = text_of(signed_in(Role.OPERATOR).get("/alerts").text)
    assert text.index(one.what) < text.index("Newer")


def test_a_test_goes_to_every_channel_and_says_which_took_it(
    control: psycopg.Connection, channels: Channels, hook: Webhook, signed_in: SignedIn
) -> None:
    operator = signed_in(Role.OPERATOR)
    assert signed_in(Role.VIEWER).post("/alerts/test").status_code == 403
    assert operator.post("/alerts/test").status_code == 303
    page = operator.get("/alerts").text
    assert "Test alert: json 1 delivered, json 2 failed. Check its address in ST_PIPELINE_ALERT_URLS." in text_of(page)
    assert [body["state"] for body in hook.received] == ["test"]
    outcomes = {"json 1": "delivered", "json 2": "failed"}
    assert noted(control) == [("operator", "operator", "alerts tested", None, outcomes)]
    assert CANARY not in page + operator.get("/audit").text + everything(control)


def test_without_a_channel_it_is_said_how_to_get_one(portal: Portal, signed_in: SignedIn) -> None:
    assert "ST_PIPELINE_ALERT_URLS" in signed_in(Role.VIEWER).get("/alerts").text


def test_a_channel_that_cannot_be_used_is_said_without_its_address(portal: Portal, signed_in: SignedIn) -> None:
    before = portal.settings
    object.__setattr__(portal, "settings", replace(before, alert_urls=(Secret(f"nosuch://{CANARY}"),)))
    try:
        page = signed_in(Role.OPERATOR).get("/alerts").text
    finally:
        object.__setattr__(portal, "settings", before)
    assert "are invalid" in page
    assert CANARY not in page


def test_channels_of_a_kind_are_numbered() -> None:
    named = [Channel(name, Secret("x")) for name in ("slack-1a", "microsoft-teams-2b", "slack-3c")]
    assert list(kinds_of(named).values()) == ["slack 1", "microsoft-teams", "slack 2"]
