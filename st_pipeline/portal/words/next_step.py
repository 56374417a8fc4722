"""The first message on a tenant's page: its state, and what to do about it, if anything. Pure.

The figures come from overview/overview.py; each incident has its own advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from st_pipeline.alerting.incidents import Incident
from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import TenantOverview
from st_pipeline.portal.words.connection_words import Standing
from st_pipeline.tenants.model import Status

FAILURES = frozenset({"failed_sync", "failures_in_a_row"})
REFUSALS = frozenset({"not_connected", "credentials_refused"})


@dataclass(frozen=True, slots=True)
class NextStep:
    """``link``: the tenant's page to open, and the link's text; shown only to people who may see it."""

    tone: str
    """The tone: good, bad, warn, busy or quiet."""
    head: str
    text: str
    link: tuple[str, str] | None = None
    at: datetime | None = None
    """When it continues automatically, shown after the text."""
    same: frozenset[str] = frozenset()
    """Incidents of these rules say the same, so they are not repeated."""
    more: frozenset[str] = frozenset()
    """Incidents of these rules give the details."""
    problem: str | None = None
    """The error of the last sync."""


def next_step(one: TenantOverview, now: datetime, answer: Standing) -> NextStep:
    """The most important message about a tenant: its worst problem, or what it is doing, or what comes next.

    ``answer`` is the state of its connection, which the pages about credentials show in full.
    """
    if not one.tenant.enabled:
        text = "Syncs are off, and the data is kept. An operator can turn syncs back on with the Enable button."
        return NextStep("quiet", "Disabled", text)
    if not answer.is_connected:
        return _connection(one.tenant.status, answer)
    return _sync(one, now)


def open_incidents(one: TenantOverview) -> list[Incident]:
    """The incidents that have not been fixed since the last evaluation, which runs every minute."""
    connected_at = one.tenant.status_since if one.tenant.status is Status.CONNECTED else None
    put_right_at = dict.fromkeys(FAILURES, one.last_success_at) | dict.fromkeys(REFUSALS, connected_at)
    return [
        incident
        for incident in one.incidents
        if not ((at := put_right_at.get(incident.rule)) and at > incident.last_seen_at)
    ]


def _connection(status: Status, answer: Standing) -> NextStep:
    words = [answer.text]
    if len(answer.steps) == 1:
        words += answer.steps
    elif answer.is_waiting:
        words.append("The connection is retried automatically; this page updates once it works.")
    # A connected tenant's credentials are not entered under Connect.
    page = "/credentials" if status is Status.CONNECTED else "/connect"
    link = None if status is Status.UNREACHABLE else (page, "See what to do")
    return NextStep(answer.tone, answer.head, " ".join(words), link, same=REFUSALS)


def _sync(one: TenantOverview, now: datetime) -> NextStep:
    newest = one.recent[-1] if one.recent else None
    due = one.next_sync
    if newest and newest.state is SyncState.RUNNING:
        return NextStep("busy", "Sync running", "See its progress below.", (f"/syncs/{newest.id}", "View log"))
    if one.is_queued:
        return NextStep("busy", "Sync queued", "It starts soon, or after the syncs ahead of it.")
    if newest and newest.state in (SyncState.FAILED, SyncState.INTERRUPTED):
        head = "The last sync failed" if newest.state is SyncState.FAILED else "The last sync was interrupted"
        link = (f"/syncs/{newest.id}", "See what went wrong")
        problem = one.last.error if one.last else None
        if due:
            text = "It will be retried automatically"
            return NextStep("bad", head, text, link, due.at, more=FAILURES, problem=problem)
        text = "No retry is scheduled. See what went wrong, then click Sync now."
        return NextStep("bad", head, text, link, more=FAILURES, problem=problem)
    if one.tenant.cadence == "paused":
        return NextStep("quiet", "Paused", "No automatic syncs are scheduled. Click Sync now to sync once.")
    if one.stale_since:
        return NextStep(
            "warn", "Data is out of date",
            "The data is older than the schedule allows. Click Sync now to update it.",
            same=frozenset({"stale"}),
        )  # fmt: skip
    if newest is None:
        return NextStep("good", "Connected", "The first sync starts automatically", None, due.at if due else None)
    return NextStep("good", "All good", "The next sync starts automatically", None, due.at if due else None)
