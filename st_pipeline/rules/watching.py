"""Run all rules: what is currently wrong with any tenant, according to the rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import psycopg

from st_pipeline.rules import (
    api_counts,
    call_rates,
    common_troubles,
    completeness,
    connections,
    drifting,
    drops,
    member_counts,
    report_builds,
    silences,
    troubled_syncs,
)
from st_pipeline.rules.connections import StaleAt, Watched
from st_pipeline.rules.findings import Finding
from st_pipeline.rules.rules import Rules


def find_all(
    connection: psycopg.Connection, tenants: Collection[Watched], rules: Rules, now: datetime, stale_at: StaleAt
) -> list[Finding]:
    """The findings of every enabled rule at ``now``, by rule and tenant. Read-only."""
    shut_out = frozenset(tenant.key for tenant in tenants if tenant.is_shut_out)
    withdrawn = list(troubled_syncs.find_withdrawn(troubled_syncs.read_not_granted(connection), rules))
    failing = troubled_syncs.read_failing(connection)
    explained = troubled_syncs.explained(failing, withdrawn, shut_out)
    common, together = common_troubles.find_common(failing, explained, tenants, rules, now)
    explained |= together
    told_failing = explained | troubled_syncs.in_a_row(failing, rules)
    silent = list(silences.find_silences(silences.read_silences(connection, rules, now), rules))
    found = [
        *common,
        *connections.find_in_tenants(tenants, told_failing, rules, now, stale_at),
        *withdrawn,
        *troubled_syncs.find_in_syncs(failing, explained, rules),
        *call_rates.find_in_calls(
            call_rates.read_calls(connection, call_rates.window(rules, now)),
            call_rates.read_usage(connection, rules, now),
            shut_out,
            rules,
        ),
        *silent,
        *drops.find_drops(drops.read_whole_reads(connection, rules), drops.read_weeks(connection, now), rules, now),
        *completeness.find_imbalances(
            completeness.read_imbalances(connection, rules, now), completeness.read_shortfalls(connection), rules
        ),
        *api_counts.find_miscounts(api_counts.read_last_counts(connection), rules, silent),
        *completeness.find_set_aside(completeness.read_set_aside(connection, rules, now), rules),
        *drifting.find_drift(drifting.read_changed(connection), rules),
        *member_counts.find_fewer_members(member_counts.read_member_counts(connection, rules, now), rules),
        *report_builds.find_reports_behind(report_builds.read_builds(connection, now), rules, now),
    ]
    return [finding for finding in found if finding.rule in rules.enabled]
