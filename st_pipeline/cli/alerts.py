"""``st-pipeline alerts``: list the incidents and who was notified, and test the channels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import psycopg
import typer

from st_pipeline import postgres
from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.alert_round import Alerting
from st_pipeline.alerting.incidents import Incident
from st_pipeline.alerting.messages import Alert, compose
from st_pipeline.cli import output
from st_pipeline.cli.errors import CommandRefused, Commands
from st_pipeline.cli.screen import Screen
from st_pipeline.rules.headings import heading
from st_pipeline.settings import Settings
from st_pipeline.steps.commands import command_words
from st_pipeline.visible import visible

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(cls=Commands, no_args_is_help=True, help="List alerts and who was notified, and test the channels.")


@app.command()
def test(as_json: AsJson = False) -> None:
    """Send a test alert to every channel in ST_PIPELINE_ALERT_URLS. Exit status 1 if any delivery fails."""
    settings = Settings.from_environment()
    alerting = Alerting.of(settings)
    if not alerting.channels:
        raise CommandRefused(
            "no alert channels are configured; set ST_PIPELINE_ALERT_URLS (formats: https://appriseit.com/services/)"
        )
    database, now = postgres.prepare(settings), datetime.now(UTC)
    took: dict[str, bool] = {}
    with postgres.connect(database, application="st-pipeline alerts", autocommit=True) as connection:
        # The user sees the result, so a failed test is not retried in the background.
        alert = incident_table.add_test(connection, now)
        (message,) = compose([Alert(alert, "test", None)], digest_over=1)
        for channel in alerting.channels:
            took[channel.name] = channel.send(message)
            if took[channel.name]:
                deliveries.record_round(connection, channel.name, [alert], delivered_at=now)
    if as_json:
        output.json_([{"channel": name, "took_it": well} for name, well in took.items()])
    else:
        output.lines([f"{name}: {'delivered' if well else 'delivery failed'}" for name, well in took.items()])
    if not all(took.values()):
        raise typer.Exit(1)


@app.command("list")
def list_(
    as_json: AsJson = False,
    days: Annotated[int, typer.Option(min=0, max=3650, help="Include alerts that ended in the last N days.")] = 0,
) -> None:
    """List open alerts: what is wrong, since when, what to do, and who was notified."""
    database = postgres.prepare(Settings.from_environment())
    with postgres.connect(database, application="st-pipeline alerts", autocommit=True) as connection:
        incidents = incident_table.read_recent_incidents(connection, datetime.now(UTC) - timedelta(days=days))
        told = _told(connection, [incident.id for incident in incidents])
    if as_json:
        output.json_(
            [output.incident_as_json(incident) | {"told": told.get(incident.id, [])} for incident in incidents]
        )
        return
    console = Screen()
    if not incidents:
        console.print("No open alerts.")
    for incident in incidents:
        for line in _lines(incident, told.get(incident.id, [])):
            console.print(visible(line), soft_wrap=True)


def _lines(incident: Incident, channels: list[str]) -> list[str]:
    because = (incident.closed_because or "").replace("_", " ")
    end = f"; {because} {incident.closed_at:%Y-%m-%d %H:%M} UTC" if incident.closed_at else ""
    return [
        f"{incident.where}: {heading(incident.rule)} (since {incident.since:%Y-%m-%d %H:%M} UTC{end})",
        f"  {incident.what}",
        f"  What to do: {command_words(incident.steps, incident.tenant)}",
        f"  Notified: {', '.join(channels) or 'no one yet'}",
    ]


def _told(connection: psycopg.Connection, incidents: list[int]) -> dict[int, list[str]]:
    """Incident ID -> the channels that received its opening alert."""
    rows = connection.execute(
        """
        select a.incident_id, array_agg(d.channel order by d.channel)
        from control.alerts a join control.deliveries d on d.alert_id = a.id
        where a.incident_id = any(%s) and a.kind = 'opened' and d.delivered_at is not null
        group by a.incident_id
        """,
        (incidents,),
    ).fetchall()
    return dict(rows)
