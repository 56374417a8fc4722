"""Compare findings with the open incidents to see what is new. Pure; incident_table.py has the rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from st_pipeline.rules.findings import ALL_TENANTS, Finding, Severity
from st_pipeline.steps.step import Steps


class Closed(StrEnum):
    """Why an incident was closed."""

    RECOVERED = "recovered"
    NOT_WATCHED = "not_watched"
    """The tenant was disabled or removed, or the rule is off, so its state is unknown."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One problem from its first finding to its last, as stored. Instants are timezone-aware."""

    id: int
    key: str
    rule: str
    tenant: str
    entity: str | None
    severity: Severity
    what: str
    steps: Steps
    """What to do, in order."""
    link: str
    since: datetime
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None = None
    closed_because: Closed | None = None

    @property
    def where(self) -> str:
        """Tenant and entity, for people."""
        tenant = "all companies" if self.tenant == ALL_TENANTS else self.tenant
        return f"{tenant} {self.entity}" if self.entity else tenant


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of one evaluation."""

    opened: list[Finding]
    """New problems, to be alerted."""
    still_open: list[tuple[Incident, Finding]]
    """No new alert."""
    closed: list[tuple[Incident, Closed]]
    """Ended problems, to be alerted as resolved."""


def reconcile(
    open_: Iterable[Incident], findings: Iterable[Finding], tenants: Collection[str], rules: Collection[str]
) -> Reconciled:
    """Compare ``findings`` with the ``open_`` incidents. ``tenants`` and ``rules`` are the monitored ones.
    Problems that all tenants share are always monitored.

    A consequence of another problem opens no incident, but keeps an open one open. If several findings have the same
    key, the first one counts.
    """
    watched = {*tenants, ALL_TENANTS}
    found: dict[str, Finding] = {}
    for finding in findings:
        found.setdefault(finding.key, finding)
    known = {incident.key: incident for incident in open_}
    return Reconciled(
        opened=[finding for key, finding in found.items() if key not in known and not finding.is_consequence],
        still_open=[(incident, found[key]) for key, incident in known.items() if key in found],
        closed=[
            (
                incident,
                Closed.RECOVERED if incident.tenant in watched and incident.rule in rules else Closed.NOT_WATCHED,
            )
            for key, incident in known.items()
            if key not in found
        ],
    )
