"""Turn alerts into messages: text for people, JSON for machines, and a digest for many at once. Pure.

What came from outside cannot mention people, link or hide text in a chat; machines receive it unchanged.

channels.py sends them; deliveries.py decides when and to which channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from st_pipeline.alerting.incidents import Closed, Incident
from st_pipeline.alerting.step_words import alert_words
from st_pipeline.rules.findings import ALL_TENANTS, format_count
from st_pipeline.rules.headings import heading
from st_pipeline.visible import unlinked, visible

LINES = 20  # of a digest for people
FACTS = 100  # of a digest for machines, which may limit the size of a body; ``count`` counts all


class State(StrEnum):
    """What a message says about an incident."""

    OPENED = "opened"
    RECOVERED = "recovered"
    NOT_WATCHED = "not_watched"
    PASSED = "passed"
    """It began and ended before an alert was sent."""


_ENDINGS = {
    State.OPENED: "",
    State.RECOVERED: " (resolved)",
    State.NOT_WATCHED: " (no longer monitored)",
    State.PASSED: " (already resolved)",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert to send; without an incident it is a test."""

    id: int
    kind: str
    """``opened``, ``closed`` or ``test``."""
    incident: Incident | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a channel, and the alerts it covers."""

    alerts: tuple[int, ...]
    title: str
    text: str
    body: dict[str, Any]
    """The same for machines, in JSON types."""
    is_good: bool
    """Whether it reports no open problem."""


def compose(alerts: Iterable[Alert], digest_over: int) -> list[Message]:
    """The messages for waiting alerts, in order: one for each incident, or a digest if there are too many.

    An incident that opened and closed in the meantime gets one message, as passed.
    """
    alerts = list(alerts)
    tests = [alert for alert in alerts if alert.incident is None]
    about: dict[int, tuple[Incident, list[Alert]]] = {}
    for alert in alerts:
        if alert.incident:
            about.setdefault(alert.incident.id, (alert.incident, []))[1].append(alert)
    told = [(_state(incident, group), incident, group) for incident, group in about.values()]
    messages = [_test(alert) for alert in tests]
    if len(told) > digest_over:
        return [*messages, _digest([(state, incident) for state, incident, _ in told], _ids(alerts))]
    return messages + [_single(state, incident, _ids(group)) for state, incident, group in told]


def list_facts(state: State, incident: Incident) -> dict[str, Any]:
    """An incident as webhooks receive it. Instants are ISO 8601 in UTC; ``tenant`` is null if all tenants share it."""
    return {
        "state": state.value,
        "incident": incident.id,
        "rule": incident.rule,
        "severity": incident.severity.value,
        "tenant": None if incident.tenant == ALL_TENANTS else incident.tenant,
        "entity": incident.entity,
        "what": incident.what,
        "since": incident.since.isoformat(),
        "advice": alert_words(incident.steps, incident.tenant),
        "steps": msgspec.to_builtins(list(incident.steps)),
        "link": incident.link,
        "opened_at": incident.opened_at.isoformat(),
        "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
    }


def _state(incident: Incident, alerts: Sequence[Alert]) -> State:
    kinds = {alert.kind for alert in alerts}
    if kinds == {"opened"}:
        return State.OPENED
    if incident.closed_because is Closed.NOT_WATCHED:
        return State.NOT_WATCHED
    return State.PASSED if "opened" in kinds else State.RECOVERED


def _single(state: State, incident: Incident, ids: tuple[int, ...]) -> Message:
    ended, what = incident.closed_at, unlinked(incident.what)
    if state is State.OPENED:
        lines = [
            what,
            f"Since: {_instant(incident.since)}",
            f"What to do: {unlinked(alert_words(incident.steps, incident.tenant))}",
        ]
    elif state is State.RECOVERED and ended:
        lines = [f"Resolved at {_instant(ended)}. It was: {what}", f"Since: {_instant(incident.since)}"]
    elif state is State.PASSED and ended:
        lines = [what, f"Lasted from {_instant(incident.since)} to {_instant(ended)}; now resolved."]
    else:
        lines = [f"No longer monitored: the company was disabled or removed, or this alert rule is off. It was: {what}"]
    text = "\n".join([*lines, visible(incident.link)])
    return Message(ids, _title(state, incident), text, list_facts(state, incident), is_good=state is not State.OPENED)


def _digest(told: Sequence[tuple[State, Incident]], ids: tuple[int, ...]) -> Message:
    bad = sum(state is State.OPENED for state, _ in told)
    tenants = {incident.tenant for _, incident in told}
    of = "all companies" if ALL_TENANTS in tenants else format_count(len(tenants), "company")
    title = f"{len(told)} alerts for {of}: {bad} opened, {len(told) - bad} closed"
    lines = [f"{_title(state, incident)}: {unlinked(incident.what)}" for state, incident in told[:LINES]]
    if len(told) > LINES:
        lines.append(f"… and {len(told) - LINES} more")
    lines.append("To see what to do about each, open Alerts in the portal, or run st-pipeline alerts list")
    body = {
        "state": "digest",
        "count": len(told),
        "opened": bad,
        "alerts": [list_facts(state, incident) for state, incident in told[:FACTS]],
    }
    return Message(ids, title, "\n".join(lines), body, is_good=not bad)


def _test(alert: Alert) -> Message:
    text = "This is a test alert from st-pipeline. Nothing is wrong. Real alerts arrive through this channel."
    return Message((alert.id,), "st-pipeline: test", text, {"state": "test", "what": text}, is_good=True)


def _title(state: State, incident: Incident) -> str:
    return f"{unlinked(incident.where)}: {heading(incident.rule)}{_ENDINGS[state]}"


def _ids(alerts: Iterable[Alert]) -> tuple[int, ...]:
    return tuple(alert.id for alert in alerts if alert.incident)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
