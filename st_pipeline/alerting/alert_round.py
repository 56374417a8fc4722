"""One alerting round, run every minute: evaluate the rules, record what opened or closed, and send alerts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.channels import Channel, open_channels
from st_pipeline.alerting.deliveries import Delivered
from st_pipeline.alerting.incidents import Reconciled, reconcile
from st_pipeline.alerting.quiet_hours import QuietHours, parse_quiet_hours
from st_pipeline.locks import Lock
from st_pipeline.rules.all_rules import find_all
from st_pipeline.rules.findings import Finding
from st_pipeline.rules.member_counts import count_members
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import StaleAt, read_tenant_facts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.rules.thresholds_file import read_rules
from st_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Alerting:
    """What a round needs besides the database."""

    rules: Rules = field(default_factory=Rules)
    channels: Sequence[Channel] = ()
    quiet: QuietHours | None = None

    @classmethod
    def of(cls, settings: Settings) -> Alerting:
        """Read from the environment and ``alerts.toml`` in the home.

        Raises:
            SettingsError: a channel, the quiet hours, or a rule is invalid (including RulesInvalid).
        """
        quiet = parse_quiet_hours(settings.quiet_hours) if settings.quiet_hours else None
        return cls(read_rules(settings.home, settings.dagster_url), open_channels(settings.alert_urls), quiet)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of a round. ``was_skipped``: another round is already running."""

    was_skipped: bool = False
    findings: list[Finding] = field(default_factory=list)
    news: Reconciled = field(default_factory=lambda: Reconciled([], [], []))
    delivered: Delivered = field(default_factory=Delivered)


def evaluate(
    connection: psycopg.Connection,
    alerting: Alerting,
    now: datetime,
    *,
    stale_at: StaleAt | None = None,
    sending_seconds: float = math.inf,
) -> Evaluation:
    """Run one round at ``now``; repeating it changes nothing.

    ``stale_at`` comes from the tenants' cadence unless given. Alerts are stored before anything is sent. After
    ``sending_seconds`` no further message is sent: it waits for the next round. ``connection`` must be in autocommit.

    Raises:
        psycopg.Error: the database is unreachable; the next round finds the same problems.
    """
    if not connection.autocommit:
        raise ValueError("an alerting round needs an autocommit connection, because it sends between transactions")
    row = connection.execute("select pg_try_advisory_lock(%s)", (Lock.ALERT_ROUND,)).fetchone()
    if not row or not row[0]:
        return Evaluation(was_skipped=True)
    try:
        findings, news = _find_and_store(connection, alerting.rules, now, stale_at or compute_stale_at(alerting.rules))
        delivered = deliveries.deliver(
            connection,
            alerting.channels,
            now,
            quiet=alerting.quiet,
            digest_over=alerting.rules.telling.digest_over,
            seconds=sending_seconds,
        )
        return Evaluation(False, findings, news, delivered)
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (Lock.ALERT_ROUND,))


def _find_and_store(
    connection: psycopg.Connection, rules: Rules, now: datetime, stale_at: StaleAt
) -> tuple[list[Finding], Reconciled]:
    with connection.transaction():
        # One snapshot for all queries, so that no sync ends between two of them.
        connection.execute("set transaction isolation level repeatable read")
        count_members(connection, now)
        tenants = read_tenant_facts(connection)
        findings = find_all(connection, tenants, rules, now, stale_at)
        known = frozenset(tenant.key for tenant in tenants)
        news = reconcile(incident_table.read_open_incidents(connection), findings, known, rules.enabled)
        incident_table.store(connection, news, rules.telling.dagster_url, now)
    return findings, news
