"""Rules about a tenant as a whole: refused, never connected, old credentials, no success within its cadence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import kwargs_row

from st_pipeline.rules.findings import Finding, shorten
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.step import Do, Step, Steps, from_plain
from st_pipeline.tenants.model import Status


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """The parts of an enabled tenant that rules use. Instants are timezone-aware."""

    key: str
    cadence: str
    timezone: str
    status: str
    status_detail: str
    status_since: datetime
    checked_at: datetime | None
    connected_at: datetime | None
    created_at: datetime
    credentials_at: datetime | None
    """When the stored credentials were entered; None if there are none."""
    last_success_at: datetime | None
    status_steps: Steps = ()
    """What to do about ``status_detail``."""
    knows_zone: bool = True
    """Whether the database knows its time zone."""

    @property
    def is_shut_out(self) -> bool:
        """No sync can succeed until someone fixes the credentials."""
        return self.status in (Status.REFUSED, Status.NOT_CONNECTED)

    @property
    def fresh_since(self) -> datetime:
        """Where the age of its data starts: the last success, else when it was registered or connected."""
        if self.last_success_at or self.status != Status.CONNECTED:
            return self.last_success_at or self.created_at
        return max(self.created_at, self.status_since)


StaleAt = Callable[[TenantFacts], datetime | None]
"""When a tenant's data becomes stale unless a sync succeeds first; None: never (a paused tenant)."""


def read_tenant_facts(connection: psycopg.Connection) -> list[TenantFacts]:
    """The enabled tenants, by key. Disabled tenants raise no alerts."""
    with connection.cursor(row_factory=kwargs_row(_facts)) as cursor:
        return cursor.execute(
            """
            select control.knows_zone(t.timezone) as knows_zone,
                t.key, t.cadence, t.timezone, t.status, t.status_detail, t.status_steps,
                t.status_since, t.checked_at,
                t.connected_at, t.created_at, c.created_at as credentials_at, success.finished_at as last_success_at
            from control.tenants t
            left join control.credentials c on c.tenant = t.key
            left join control.last_successes success on success.tenant = t.key
            where t.enabled
            order by t.key
            """
        ).fetchall()


def _facts(*, status_steps: Any, **columns: Any) -> TenantFacts:
    return TenantFacts(status_steps=from_plain(status_steps), **columns)


def find_in_tenants(
    tenants: Iterable[TenantFacts], explained: Collection[str], rules: Rules, now: datetime, stale_at: StaleAt
) -> Iterator[Finding]:
    """What is wrong with tenants at ``now``. Staleness is a consequence if the tenant's failures are ``explained``
    by another alert: refused credentials, a missing scope, or repeated failures."""
    for tenant in tenants:
        yield from _shut_out(tenant, rules, now)
        yield from _stale(tenant, tenant.key in explained, rules, now, stale_at(tenant))
        yield from _old_credentials(tenant, rules, now)
        if not tenant.knows_zone:
            yield _unknown_zone(tenant, rules, now)


def _shut_out(tenant: TenantFacts, rules: Rules, now: datetime) -> Iterator[Finding]:
    if tenant.status == Status.REFUSED:
        yield Finding(
            "credentials_refused",
            tenant.key,
            rules.credentials_refused.severity,
            shorten(tenant.status_detail),
            tenant.status_since,
            tenant.status_steps or (Step(Do.ENTER_CREDENTIALS),),
        )
    patience = timedelta(hours=rules.not_connected.after_hours)
    if tenant.status == Status.NOT_CONNECTED and tenant.checked_at and now - tenant.status_since >= patience:
        yield Finding(
            "not_connected",
            tenant.key,
            rules.not_connected.severity,
            f"Added but never connected: {shorten(tenant.status_detail)}",
            tenant.status_since,
            tenant.status_steps or (Step(Do.CONNECT_APP), Step(Do.ENTER_CREDENTIALS)),
        )


def _stale(
    tenant: TenantFacts, is_explained: bool, rules: Rules, now: datetime, at: datetime | None
) -> Iterator[Finding]:
    if at is None or now < at or tenant.status == Status.NOT_CONNECTED:
        return
    last = tenant.last_success_at
    yield Finding(
        "stale",
        tenant.key,
        rules.stale.severity,
        (
            f"Data is out of date: the last successful sync ended {last:%Y-%m-%d %H:%M} UTC, but the schedule is "
            f"{tenant.cadence}"
            if last
            else f"No sync has succeeded yet, and the first one is overdue (schedule: {tenant.cadence})"
        ),
        tenant.fresh_since,
        (Step(Do.VIEW_SYNCS), Step(Do.CHECK_DAEMON), Step(Do.SYNC)),
        is_consequence=is_explained,
    )


def _old_credentials(tenant: TenantFacts, rules: Rules, now: datetime) -> Iterator[Finding]:
    rule = rules.credentials_old
    if not tenant.credentials_at or tenant.status == Status.NOT_CONNECTED:
        return
    age = (now - tenant.credentials_at).days
    if age >= rule.days - rule.warn_days:
        due = f"before they are {rule.days} days old" if age < rule.days else f"at least every {rule.days} days"
        yield Finding(
            "credentials_old",
            tenant.key,
            rule.severity,
            f"Credentials are {age} days old; replace them {due}",
            tenant.credentials_at,
            (Step(Do.GENERATE_SECRET), Step(Do.ENTER_SECRET)),
        )


def _unknown_zone(tenant: TenantFacts, rules: Rules, now: datetime) -> Finding:
    return Finding(
        "unknown_time_zone",
        tenant.key,
        rules.unknown_time_zone.severity,
        f"The database does not know the time zone {tenant.timezone}, so reports keep the rows of the last build",
        now,
        (Step(Do.CORRECT_TIME_ZONE),),
    )
