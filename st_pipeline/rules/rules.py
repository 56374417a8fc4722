"""The rules as data: which there are, their thresholds, and whom they may wake. The users' own are the defaults.

Reading a file of other thresholds is rules_file.py; what each rule looks at is in the module its comment names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from st_pipeline.rules.findings import Severity

SHARE = {"least": 0.0, "most": 1.0}


def _between(default: Any, least: float, most: float = 1_000_000) -> Any:
    return field(default=default, metadata={"least": least, "most": most})


def _days(default: float, least: float = 1) -> Any:
    return _between(default, least, 3_650)


def _hours(default: float, least: float = 0.0) -> Any:
    return _between(default, least, 24 * 3_650)


@dataclass(frozen=True, slots=True)
class Rule:
    """What every rule has: ``enabled``, and a ``severity`` (``now`` wakes people, ``can_wait`` does not)."""

    enabled: bool = True
    severity: Severity = Severity.CAN_WAIT


@dataclass(frozen=True, slots=True)
class ErrorRate(Rule):
    """Calls that fail (no answer, 4xx, 5xx; a 429 is the rate limit's), over the latest syncs with enough calls.

    Where that is so only because syncs failed, it is told with those.
    """

    over: float = _between(0.05, **SHARE)
    least_calls: int = _between(20, 1)
    hours: float = _hours(24.0, 0.1)


@dataclass(frozen=True, slots=True)
class FailuresInARow(Rule):
    """Syncs of a tenant that failed one after the other, with none between that succeeded."""

    severity: Severity = Severity.NOW
    more_than: int = _between(3, 1)


@dataclass(frozen=True, slots=True)
class RateLimit(Rule):
    """Calls of the last sync that ServiceTitan refused as too many; or the share of what it allows per app and tenant
    that the syncs of the last ``hours`` used.

    60 a second: developer.servicetitan.io, FAQ. Syncs keep below that by themselves, at 50 a second for as long as
    there is something to read, so a sync's own pace says nothing. That a tenant's syncs use more than ``over`` of a
    whole day does: hardly any time is left in it.
    """

    over: float = _between(0.8, **SHARE)
    calls_per_second: float = _between(60.0, 1.0)
    refused_over: float = _between(0.01, **SHARE)
    least_refused: int = _between(5, 1)
    hours: float = _hours(24.0, 1.0)


@dataclass(frozen=True, slots=True)
class FailedSync(Rule):
    """The last sync of a tenant failed."""


@dataclass(frozen=True, slots=True)
class ManyFailing(Rule):
    """Syncs of ``more_than`` tenants fail at once, and of a larger share than ``over`` of those synced in ``hours``.

    Each tenant's own failure follows from it. Three hours: longer than the longest pause before a retry.
    """

    severity: Severity = Severity.NOW
    more_than: int = _between(5, 1)
    over: float = _between(0.2, **SHARE)
    hours: float = _hours(3.0, 0.1)


@dataclass(frozen=True, slots=True)
class Stale(Rule):
    """No sync succeeded for a regular time of the tenant's cadence, ``grace_hours`` after it at the latest.

    Four hours: all tries of one regular time and the sync itself fit in. Between times that are closer than that the
    grace is as long as from one to the next, and ``least_minutes``.
    """

    severity: Severity = Severity.NOW
    grace_hours: float = _hours(4.0)
    least_minutes: float = _between(15.0, 0.0)


@dataclass(frozen=True, slots=True)
class CredentialsRefused(Rule):
    """ServiceTitan let the tenant in before and no longer does."""

    severity: Severity = Severity.NOW


@dataclass(frozen=True, slots=True)
class NotConnected(Rule):
    """A registered tenant that was never let in, for longer than its administrator may need."""

    after_hours: float = _hours(24.0)


@dataclass(frozen=True, slots=True)
class CredentialsOld(Rule):
    """Credentials about to be ``days`` old."""

    days: int = _days(90)
    warn_days: int = _days(14, 0)


@dataclass(frozen=True, slots=True)
class ScopeWithdrawn(Rule):
    """An entity that could be read before is no longer granted."""

    severity: Severity = Severity.NOW


@dataclass(frozen=True, slots=True)
class NothingSent(Rule):
    """The API answers well and sends nothing, where there always was something.

    At once for what is read from the beginning and for lists, whose readings overlap; for feeds after a silence that
    is ``times`` as long as the longest of the last ``days``, and at least ``least_days``.
    """

    severity: Severity = Severity.NOW
    times: float = _between(3.0, 1.0)
    least_days: float = _days(3.0, 0)
    days: int = _days(30)


@dataclass(frozen=True, slots=True)
class Drop(Rule):
    """Suddenly far fewer records: a full read against the largest of the ``reads`` before it, or a week of changes
    against the smallest of the four weeks before. ``by`` is the share that is missing."""

    by: float = _between(0.5, **SHARE)
    reads: int = _between(3, 1)
    least_records: int = _between(50, 1)
    week_by: float = _between(0.8, **SHARE)


@dataclass(frozen=True, slots=True)
class FewerMembers(Rule):
    """The members report of a tenant has far fewer rows than the largest of the last ``days``."""

    severity: Severity = Severity.NOW
    by: float = _between(0.2, **SHARE)
    least_members: int = _between(20, 1)
    days: int = _days(14)


@dataclass(frozen=True, slots=True)
class Reconciliation(Rule):
    """Records fetched, landed and loaded do not add up, landed files wait to be loaded for ``hours``, or the API's own
    counts are others than raw's."""

    severity: Severity = Severity.NOW
    hours: float = _hours(2.0)


@dataclass(frozen=True, slots=True)
class Quarantine(Rule):
    """Share of the records of the last ``days`` that were set aside, whole or a field of them."""

    over: float = _between(0.001, **SHARE)
    least_records: int = _between(100, 1)
    days: int = _days(7)


@dataclass(frozen=True, slots=True)
class Drift(Rule):
    """Fields that came or went after the first sync; gone is what no record had for ``missing_days``."""

    missing_days: float = _days(3.0, 0)


@dataclass(frozen=True, slots=True)
class ReportsBehind(Rule):
    """What was loaded ``hours`` ago is in no report, or the last ``failed_builds`` builds failed."""

    severity: Severity = Severity.NOW
    hours: float = _hours(6.0)
    failed_builds: int = _between(2, 1)


@dataclass(frozen=True, slots=True)
class Telling:
    """More than ``digest_over`` alerts at once become one; links go to ``dagster_url``, Dagster's UI."""

    digest_over: int = _between(5, 1)
    dagster_url: str = "http://127.0.0.1:3000"


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule, and how what they find is told. The names are those of findings and of the file's tables."""

    error_rate: ErrorRate = ErrorRate()
    failures_in_a_row: FailuresInARow = FailuresInARow()
    rate_limit: RateLimit = RateLimit()
    failed_sync: FailedSync = FailedSync()
    many_failing: ManyFailing = ManyFailing()
    stale: Stale = Stale()
    credentials_refused: CredentialsRefused = CredentialsRefused()
    not_connected: NotConnected = NotConnected()
    credentials_old: CredentialsOld = CredentialsOld()
    scope_withdrawn: ScopeWithdrawn = ScopeWithdrawn()
    nothing_sent: NothingSent = NothingSent()
    drop: Drop = Drop()
    fewer_members: FewerMembers = FewerMembers()
    reconciliation: Reconciliation = Reconciliation()
    quarantine: Quarantine = Quarantine()
    drift: Drift = Drift()
    reports_behind: ReportsBehind = ReportsBehind()
    telling: Telling = Telling()

    @property
    def enabled(self) -> frozenset[str]:
        """Names of the rules that are on."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return frozenset(name for name, part in parts.items() if isinstance(part, Rule) and part.enabled)
