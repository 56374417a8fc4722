"""What a tenant's page says first: how things are, and what is to be done about it, if anything. Pure.

The figures are monitoring/overview.py's; what one incident is about has its own advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from st_pipeline.monitoring.overview import TenantOverview
from st_pipeline.monitoring.sync_history import SyncState
from st_pipeline.tenants.model import Status

FAILURES = frozenset({"failed_sync", "failures_in_a_row"})


@dataclass(frozen=True, slots=True)
class Step:
    """``link``: the tenant's page to go to, and its words; shown to who may see it."""

    tone: str
    """good, bad, warn, busy or quiet."""
    head: str
    text: str
    link: tuple[str, str] | None = None
    at: datetime | None = None
    """When it goes on by itself, said after the text."""
    same: frozenset[str] = frozenset()
    """Incidents of these rules say the same."""
    more: frozenset[str] = frozenset()
    """Incidents of these rules say what exactly."""


def next_step(one: TenantOverview, now: datetime, *, has_credentials: bool) -> Step:
    """The one thing to know of a tenant: what hinders it most, else what it does, else what comes next."""
    tenant = one.tenant
    if not tenant.enabled:
        return Step("quiet", "Disabled", "It takes part in no sync; its data stays. An operator can enable it here.")
    if not has_credentials:
        return Step(
            "warn", "Its keys are missing",
            "Enter client id and client secret as ServiceTitan shows them to the company's administrator.",
            ("/connect", "Connect it"),
        )  # fmt: skip
    return _connection(one) or _sync(one, now)


def _connection(one: TenantOverview) -> Step | None:
    match one.tenant.status:
        case Status.NOT_CONNECTED:
            return Step(
                "warn", "Not connected yet",
                "In ServiceTitan, the company's administrator allows the app under Settings > Integrations > API "
                "Application Access. It is tried again by itself; this page shows when it is connected.",
                ("/connect", "See how"),
                same=frozenset({"not_connected"}),
            )  # fmt: skip
        case Status.REFUSED:
            return Step(
                "bad", "ServiceTitan refuses the keys",
                "They were changed, or access was taken away. The company's administrator generates a new client "
                "secret under Settings > Integrations > API Application Access; then enter it here.",
                ("/credentials", "Enter new keys"),
                same=frozenset({"credentials_refused"}),
            )  # fmt: skip
        case Status.UNREACHABLE:
            return Step(
                "warn", "ServiceTitan did not answer",
                "Nothing is to be done: it is tried again by itself.",
            )  # fmt: skip
        case Status.CONNECTED:
            return None


def _sync(one: TenantOverview, now: datetime) -> Step:
    newest = one.recent[-1] if one.recent else None
    due = one.next_sync
    if newest and newest.state is SyncState.RUNNING:
        return Step("busy", "A sync runs now", "What it has done so far is below.", (f"/syncs/{newest.id}", "Its log"))
    if one.is_queued:
        return Step("busy", "A sync waits for its turn", "It begins within seconds, or when others have ended.")
    if newest and newest.state in (SyncState.FAILED, SyncState.INTERRUPTED):
        head = "The last sync failed" if newest.state is SyncState.FAILED else "The last sync was interrupted"
        link = (f"/syncs/{newest.id}", "What happened")
        if due:
            return Step("bad", head, "It is tried again by itself", link, due.at, more=FAILURES)
        text = "No other one comes by itself. See what happened, then sync it again."
        return Step("bad", head, text, link, more=FAILURES)
    if one.tenant.cadence == "paused":
        return Step("quiet", "Paused", "Nothing is synced by itself. Sync now does it once.")
    if one.stale_since:
        return Step(
            "warn", "The data is old", "No sync has succeeded within its cadence. Sync now brings it up to date.",
            same=frozenset({"stale"}),
        )  # fmt: skip
    if newest is None:
        return Step("good", "Connected", "The first sync begins by itself", None, due.at if due else None)
    return Step("good", "All is well", "The next sync begins by itself", None, due.at if due else None)
