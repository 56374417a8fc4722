"""What is news: findings against the incidents that are open. Pure; the rows are in incident_table.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from st_pipeline.rules.findings import ALL_TENANTS, Finding, Severity


class Closed(StrEnum):
    """Why an incident is no more."""

    RECOVERED = "recovered"
    NOT_WATCHED = "not_watched"
    """The tenant was disabled or removed, or the rule switched off: nobody knows whether it is well."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble from its first finding to its last, as it is stored; instants are aware."""

    id: int
    key: str
    rule: str
    tenant: str
    entity: str | None
    severity: Severity
    what: str
    advice: str
    link: str
    since: datetime
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None = None
    closed_because: Closed | None = None

    @property
    def where(self) -> str:
        """Tenant and entity, for people."""
        tenant = "all tenants" if self.tenant == ALL_TENANTS else self.tenant
        return f"{tenant} {self.entity}" if self.entity else tenant


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What follows from a look at everything."""

    opened: list[Finding]
    """To be told: nothing was known of them."""
    still_open: list[tuple[Incident, Finding]]
    """Nobody is told again."""
    closed: list[tuple[Incident, Closed]]
    """To be told: they are over."""


def reconcile(
    open_: Iterable[Incident], findings: Iterable[Finding], tenants: Collection[str], rules: Collection[str]
) -> Reconciled:
    """News of ``findings`` for the ``open_`` incidents; ``tenants`` and ``rules`` are those looked at.
    What all tenants share is always looked at.

    A consequence of something else opens nothing, but keeps open what is. Of several findings of one key the first
    counts.
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
