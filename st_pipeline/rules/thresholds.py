"""The alert rules as data: their thresholds and severities. The defaults are the users' own.

thresholds_file.py reads a file that overrides the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from st_pipeline.rules.findings import Severity
from st_pipeline.settings import DEFAULT_DAGSTER_URL

SHARE = {"least": 0.0, "most": 1.0}


def _between(default: Any, least: float, most: float = 1_000_000) -> Any:
    return field(default=default, metadata={"least": least, "most": most})


def _days(default: float, least: float = 1) -> Any:
    return _between(default, least, 3_650)


def _hours(default: float, least: float = 0.0) -> Any:
    return _between(default, least, 24 * 3_650)


@dataclass(frozen=True, slots=True)
class Rule:
    """The settings of every rule: ``enabled`` and ``severity`` (``now`` wakes people, ``can_wait`` does not)."""

    enabled: bool = True
    severity: Severity = Severity.CAN_WAIT


@dataclass(frozen=True, slots=True)
class ErrorRate(Rule):
    """Failed calls (no answer, 4xx, 5xx, but not 429) over the latest syncs with enough calls.

    When failed syncs are the only cause, their own alert covers it.
    """

    over: float = _between(0.05, **SHARE)
    least_calls: int = _between(20, 1)
    hours: float = _hours(24.0, 0.1)


@dataclass(frozen=True, slots=True)
class FailuresInARow(Rule):
    """A tenant's syncs that failed in a row, with no success in between."""

    severity: Severity = Severity.NOW
    more_than: int = _between(3, 1)


@dataclass(frozen=True, slots=True)
class RateLimit(Rule):
    """Calls of the last sync that ServiceTitan refused with 429, or the share of its limit per app and tenant
    that the syncs of the last ``hours`` used.

    60 a second: developer.servicetitan.io, FAQ. Syncs limit themselves to 50 a second while there is something to read,
    so the rate of a single sync means nothing. Using more than ``over`` of a whole day does matter: it leaves almost no
    time for more.
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
    """More than ``more_than`` tenants, and a larger share than ``over`` of those synced in ``hours``, fail at once.

    Each tenant's own failure is a consequence. Three hours is longer than the longest wait before a retry.
    """

    severity: Severity = Severity.NOW
    more_than: int = _between(5, 1)
    over: float = _between(0.2, **SHARE)
    hours: float = _hours(3.0, 0.1)


@dataclass(frozen=True, slots=True)
class Stale(Rule):
    """No sync succeeded within ``grace_hours`` of a scheduled time of the tenant's cadence.

    Four hours are enough for the sync and all its retries. When scheduled times are closer together than that, the
    grace is the time between them, but at least ``least_minutes``.
    """

    severity: Severity = Severity.NOW
    grace_hours: float = _hours(4.0)
    least_minutes: float = _between(15.0, 0.0)


@dataclass(frozen=True, slots=True)
class CredentialsRefused(Rule):
    """ServiceTitan used to accept the tenant's credentials and no longer does."""

    severity: Severity = Severity.NOW


@dataclass(frozen=True, slots=True)
class NotConnected(Rule):
    """A registered tenant that has not connected within ``after_hours``."""

    after_hours: float = _hours(24.0)


@dataclass(frozen=True, slots=True)
class CredentialsOld(Rule):
    """Credentials that will be ``days`` old within ``warn_days``."""

    days: int = _days(90)
    warn_days: int = _days(14, 0)


@dataclass(frozen=True, slots=True)
class UnknownTimeZone(Rule):
    """The database does not know a tenant's time zone, so its reports keep the rows of the last build."""

    severity: Severity = Severity.NOW


@dataclass(frozen=True, slots=True)
class ScopeWithdrawn(Rule):
    """An entity that was readable before is no longer granted."""

    severity: Severity = Severity.NOW


@dataclass(frozen=True, slots=True)
class NothingSent(Rule):
    """The API answers 200 but sends no records where there used to be some.

    Full refreshes and lists, whose reads overlap, count at once. A feed counts after a silence ``times`` as long as
    its longest in the last ``days``, and at least ``least_days``.
    """

    severity: Severity = Severity.NOW
    times: float = _between(3.0, 1.0)
    least_days: float = _days(3.0, 0)
    days: int = _days(30)


@dataclass(frozen=True, slots=True)
class Drop(Rule):
    """A sudden drop in records: a full refresh compared with the largest of the ``reads`` before it, or a week of
    changes compared with the smallest of the four weeks before. ``by`` is the missing share."""

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
    """Records fetched, landed, and loaded do not add up, landed files were not loaded for ``hours``, or the API's
    counts differ from raw's."""

    severity: Severity = Severity.NOW
    hours: float = _hours(2.0)


@dataclass(frozen=True, slots=True)
class Quarantine(Rule):
    """Share of records from the last ``days`` that were quarantined, in whole or in part."""

    over: float = _between(0.001, **SHARE)
    least_records: int = _between(100, 1)
    days: int = _days(7)


@dataclass(frozen=True, slots=True)
class Drift(Rule):
    """Fields that appeared or disappeared after the first sync. A field is gone after ``missing_days`` without it."""

    missing_days: float = _days(3.0, 0)


@dataclass(frozen=True, slots=True)
class ReportsBehind(Rule):
    """Data loaded ``hours`` ago is missing from the reports, or the last ``failed_builds`` builds failed."""

    severity: Severity = Severity.NOW
    hours: float = _hours(6.0)
    failed_builds: int = _between(2, 1)


@dataclass(frozen=True, slots=True)
class Telling:
    """More than ``digest_over`` alerts at once are sent as one digest. Links go to ``dagster_url``, Dagster's UI."""

    digest_over: int = _between(5, 1)
    dagster_url: str = DEFAULT_DAGSTER_URL


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule, and how its findings are sent. Field names match findings and the file's tables."""

    error_rate: ErrorRate = ErrorRate()
    failures_in_a_row: FailuresInARow = FailuresInARow()
    rate_limit: RateLimit = RateLimit()
    failed_sync: FailedSync = FailedSync()
    many_failing: ManyFailing = ManyFailing()
    stale: Stale = Stale()
    credentials_refused: CredentialsRefused = CredentialsRefused()
    not_connected: NotConnected = NotConnected()
    credentials_old: CredentialsOld = CredentialsOld()
    unknown_time_zone: UnknownTimeZone = UnknownTimeZone()
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
        """The names of the enabled rules."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return frozenset(name for name, part in parts.items() if isinstance(part, Rule) and part.enabled)
