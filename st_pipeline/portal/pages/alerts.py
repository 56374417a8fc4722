"""Open and past incidents, who was notified, and whether the channels respond.

alerting/incident_table.py has the incidents. Only a channel's type is shown, because its address is a secret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.channel_health import Health, read_health, read_notified_channels
from st_pipeline.alerting.channels import Channel, open_channels
from st_pipeline.alerting.incidents import Incident
from st_pipeline.alerting.messages import Alert, compose
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.formats import Badge
from st_pipeline.portal.words.step_words import step_words
from st_pipeline.rules.findings import Severity
from st_pipeline.rules.headings import heading
from st_pipeline.settings import SettingsError

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
USUAL_PERIOD = "30"
MOST = 500
UNUSABLE = "The channels in ST_PIPELINE_ALERT_URLS are invalid. Operators: run st-pipeline doctor to see why."


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel, named by its type, with a number if there are several of a type."""

    kind: str
    health: Health
    badge: Badge


def alerts(visit: Visit) -> Response:
    """Open and past incidents, and the channels."""
    period = visit.request.query_params.get("days", USUAL_PERIOD)
    period = period if period in PERIODS else USUAL_PERIOD
    found = incident_table.read_recent_incidents(visit.connection, visit.now - timedelta(days=int(period)))
    channels, problem = _channels(visit)
    kinds = kinds_of(channels)
    told = read_notified_channels(visit.connection, [one.id for one in found])
    health = read_health(visit.connection, list(kinds))
    past = [one for one in found if one.closed_at]
    return visit.render(
        "alerts.html",
        open=_with_receivers(urgent_first(one for one in found if not one.closed_at), told, kinds),
        past=_with_receivers(past[:MOST], told, kinds),
        left_out=max(len(past) - MOST, 0),
        channels=[ChannelRow(kind, health[name], badge(health[name])) for name, kind in kinds.items()],
        problem=problem,
        period=period,
        rule_words=heading,
        advice=lambda one: step_words(one.steps, visit.actor, one.tenant),
        periods=PERIODS,
    )


def urgent_first(incidents: Iterable[Incident]) -> list[Incident]:
    """Urgent incidents first, then the others, each group in its original order. Pure."""
    return sorted(incidents, key=lambda one: one.severity != Severity.NOW)


def send_test(visit: Visit) -> Response:
    """Send a test alert to every channel."""
    channels, problem = _channels(visit)
    if problem or not channels:
        return visit.redirect("/alerts", problem or "No alert channels are set up, so there is nothing to test.")
    alert = incident_table.add_test(visit.connection, visit.now)
    (message,) = compose([Alert(alert, "test", None)], digest_over=1)
    outcomes: dict[str, bool] = {}
    for channel, kind in zip(channels, kinds_of(channels).values(), strict=True):
        # The user sees the result, so a failed test is not retried in the background.
        outcomes[kind] = channel.send(message)
        if outcomes[kind]:
            deliveries.record_round(visit.connection, channel.name, [alert], delivered_at=visit.now)
    visit.record("alerts tested", **{kind: "delivered" if well else "failed" for kind, well in outcomes.items()})
    said = [f"{kind} {'delivered' if well else 'failed'}" for kind, well in outcomes.items()]
    advice = "" if all(outcomes.values()) else " Check its address in ST_PIPELINE_ALERT_URLS."
    return visit.redirect("/alerts", f"Test alert: {', '.join(said)}.{advice}")


def kinds_of(channels: Sequence[Channel]) -> dict[str, str]:
    """Channel name -> shown name: ``slack``, or ``slack 1`` and ``slack 2``. Pure."""
    kinds = {channel.name: channel.name.rpartition("-")[0] for channel in channels}
    of_a_kind, so_far, shown = Counter(kinds.values()), Counter[str](), dict[str, str]()
    for name, kind in kinds.items():
        so_far[kind] += 1
        shown[name] = f"{kind} {so_far[kind]}" if of_a_kind[kind] > 1 else kind
    return shown


def badge(health: Health) -> Badge:
    """Whether the channel responds. Pure."""
    if health.failing:
        return Badge("not responding", "bad")
    return Badge("working", "good") if health.last_delivered_at else Badge("never used", "quiet")


def _channels(visit: Visit) -> tuple[list[Channel], str | None]:
    try:
        return open_channels(visit.portal.settings.alert_urls), None
    except SettingsError:
        return [], UNUSABLE


def _with_receivers(
    found: Sequence[Incident], told: dict[int, list[str]], kinds: dict[str, str]
) -> list[tuple[Incident, list[str]]]:
    """Each incident with the channels that were notified. A removed channel is shown by its type."""
    return [(one, [kinds.get(name, name.rpartition("-")[0]) for name in told.get(one.id, ())]) for one in found]


PAGES = (
    page("/alerts", alerts, permission=Permission.SEE_ALL),
    page("/alerts/test", send_test, permission=Permission.ADMINISTER, methods=("POST",)),
)
