"""``st-pipeline status``: the state of every tenant, as a table or JSON. overview/overview.py computes the figures."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from st_pipeline import postgres
from st_pipeline.cli import output
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.screen import Screen
from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import Overview, TenantOverview, Totals, read_overview
from st_pipeline.rules.findings import format_count
from st_pipeline.rules.thresholds_file import read_rules
from st_pipeline.settings import Settings
from st_pipeline.steps.commands import command_words, with_commands
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.fields import valid_timezone
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.presentation import detail_words
from st_pipeline.visible import visible

WIDTH = 100  # for a pipe or a log, which have no width
_GOOD, _BAD, _BUSY = "green", "red", "cyan"
_STYLES = {
    SyncState.SUCCEEDED: _GOOD,
    SyncState.FAILED: _BAD,
    SyncState.INTERRUPTED: _BAD,
    SyncState.RUNNING: _BUSY,
}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    timezone: Annotated[str, typer.Option(help="Time zone in which today begins, like America/Chicago.")] = "UTC",
) -> None:
    """Show totals and every tenant: connection, last and next sync, freshness, counts and problems."""
    try:
        zone = valid_timezone(timezone)
    except FieldInvalid as invalid:
        raise CommandRefused(f"--timezone {invalid.expected}") from None
    settings = Settings.from_environment()
    rules = read_rules(settings.home)
    with postgres.connect(postgres.prepare(settings), application="st-pipeline status", autocommit=True) as connection:
        overview = read_overview(connection, datetime.now(UTC), zone=zone, rules=rules)
    if as_json:
        output.json_(as_plain(overview))
    else:
        show(Screen(width=WIDTH), overview)


def as_plain(overview: Overview) -> dict[str, Any]:
    """As JSON: instants in ISO 8601, seconds and shares as numbers, null for unknown values."""
    return {
        "at": overview.at.isoformat(),
        "totals": asdict(overview.totals),
        "tenants": [_plain(one) for one in overview.tenants],
    }


def show(console: Screen, overview: Overview) -> None:
    """For people: totals, one line per tenant, and the problems of each."""
    for line in headlines(overview.totals):
        console.print(line)
    if not overview.tenants:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("tenant", overflow="fold")
    for name in ("state", "last sync", "result"):
        table.add_column(name)
    for name in ("took", "loaded", "quarantined"):
        table.add_column(name, justify="right")
    table.add_column("next sync")
    table.add_column("alerts", justify="right")
    for one in overview.tenants:
        table.add_row(*_cells(one, overview.at))
    console.print(table)
    console.print("Times are in UTC. Quarantined: records and fields.", style="dim")
    for one in overview.tenants:
        for line in _remarks(one):
            console.print(visible(f"{one.tenant.key}: {line}"))


def headlines(totals: Totals) -> list[str]:
    """The totals in three lines."""
    ended = "no sync finished"
    if totals.success_rate is not None:
        ended = f"{totals.success_rate:.1%} of syncs succeeded"
    if totals.average_sync_seconds is not None:
        ended += f", {_duration(totals.average_sync_seconds)} on average"
    called = "no calls"
    if totals.average_latency is not None and totals.p95_latency is not None:
        called = (
            f"{totals.calls:,} calls, {totals.average_latency:.2f} s on average, 95% within {totals.p95_latency:.2f} s"
        )
    limit = ""
    if totals.rate_limit_share is not None:
        limit = f". Rate limit: up to {totals.rate_limit_share:.0%} used ({totals.busiest_tenant})"
    return [
        f"{format_count(totals.tenants, 'tenant')}, {totals.connected} connected. "
        f"{totals.running} running, {totals.queued} waiting, "
        f"{totals.failed_today} failed today, {format_count(totals.open_incidents, 'open incident')}.",
        f"Last 24 hours: {ended}{limit}.",
        f"API: {called}.",
    ]


def _cells(one: TenantOverview, now: datetime) -> list[Text]:
    newest = one.recent[-1] if one.recent else None
    state, style = _state(one)
    return [
        Text(visible(one.tenant.key)),
        Text(state, style),
        Text(_minute(newest.started_at) if newest else "never"),
        Text(newest.state.value, _STYLES[newest.state]) if newest else Text(""),
        Text(_duration(newest.seconds) if newest and newest.seconds is not None else ""),
        Text(f"{newest.loaded:,}" if newest else ""),
        Text(f"{one.quarantined_whole + one.quarantined_fields:,}"),
        Text(_next(one, now)),
        Text(str(len(one.incidents)) if one.incidents else "", _BAD),
    ]


def _state(one: TenantOverview) -> tuple[str, str]:
    """The most important state, in a word, and its style."""
    if not one.tenant.enabled:
        return "disabled", "dim"
    if one.tenant.status is not Status.CONNECTED:
        return one.tenant.status.replace("_", " "), _BAD
    if one.stale_since:
        return "stale", _BAD
    if not one.fresh_until:
        return "paused", "dim"
    return ("fresh", _GOOD) if one.last_success_at else ("not complete yet", "dim")


def _remarks(one: TenantOverview) -> list[str]:
    """The tenant's incidents; if there are none, why it is not connected or its last sync failed."""
    if one.incidents:
        return [
            f"{incident.entity + ': ' if incident.entity else ''}{incident.what} "
            f"(since {_minute(incident.since)}). {command_words(incident.steps, incident.tenant)}"
            for incident in one.incidents
        ]
    if one.tenant.status is not Status.CONNECTED:
        return [detail_words(one.tenant)]
    if one.last and one.last.error:
        return [with_commands(one.last.error, one.last.steps, one.tenant.key)]
    return []


def _next(one: TenantOverview, now: datetime) -> str:
    if one.is_queued or (one.next_sync and one.next_sync.at <= now):
        return "now"
    return _minute(one.next_sync.at) if one.next_sync else "-"


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%m-%d %H:%M}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _plain(one: TenantOverview) -> dict[str, Any]:
    tenant, last, due = one.tenant, one.last, one.next_sync
    newest = one.recent[-1] if one.recent else None
    return {
        "tenant": tenant.key,
        "name": tenant.name,
        "environment": tenant.environment,
        "enabled": tenant.enabled,
        "status": tenant.status,
        "status_detail": detail_words(tenant),
        "status_cause": tenant.status_cause,
        "cadence": tenant.cadence,
        "timezone": tenant.timezone,
        "last_sync_id": newest.id if newest else None,
        "last_state": newest.state if newest else None,
        "last_outcome": newest.state if newest and newest.finished_at else None,
        "last_reason": last.reason if last else None,
        "last_requested_by": last.requested_by if last else None,
        "last_started_at": newest.started_at if newest else None,
        "last_finished_at": newest.finished_at if newest else None,
        "last_seconds": newest.seconds if newest else None,
        "last_error": last.error if last else None,
        "last_trace_id": last.trace_id if last else None,
        "last_success_at": one.last_success_at,
        "next_sync": due.at if due else None,
        "next_sync_reason": due.reason if due else None,
        "is_queued": one.is_queued,
        "fresh_until": one.fresh_until,
        "stale_since": one.stale_since,
        "fetched": last.fetched if last else 0,
        "loaded": newest.loaded if newest else 0,
        "quarantined_whole": one.quarantined_whole,
        "quarantined_fields": one.quarantined_fields,
        "drift": one.drift,
        "incidents": [output.incident_as_json(each) for each in one.incidents],
        "recent": [
            {
                "id": each.id,
                "state": each.state,
                "started_at": each.started_at,
                "seconds": each.seconds,
                "loaded": each.loaded,
                "is_partial": each.is_partial,
            }
            for each in one.recent
        ],
    }
