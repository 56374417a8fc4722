"""Run all rules: what is currently wrong with any tenant, according to the rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import psycopg

from st_pipeline.rules import (
    api_counts,
    call_rules,
    completeness,
    empty_reads,
    failed_syncs,
    field_drift,
    late_reports,
    member_counts,
    record_drops,
    shared_outages,
    tenant_health,
)
from st_pipeline.rules.findings import Finding
from st_pipeline.rules.tenant_health import StaleAt, TenantFacts
from st_pipeline.rules.thresholds import Rules


def find_all(
    connection: psycopg.Connection, tenants: Collection[TenantFacts], rules: Rules, now: datetime, stale_at: StaleAt
) -> list[Finding]:
    """The findings of every enabled rule at ``now``, by rule and tenant. Read-only."""
    shut_out = frozenset(tenant.key for tenant in tenants if tenant.is_shut_out)
    withdrawn = list(failed_syncs.find_withdrawn(failed_syncs.read_not_granted(connection), rules))
    failing = failed_syncs.read_failing(connection)
    explained = failed_syncs.select_explained(failing, withdrawn, shut_out)
    common, together = shared_outages.find_shared_outages(failing, explained, tenants, rules, now)
    explained |= together
    told_failing = explained | failed_syncs.count_consecutive(failing, rules)
    silent = list(empty_reads.find_empty_reads(empty_reads.read_empty_reads(connection, rules, now), rules))
    found = [
        *common,
        *tenant_health.find_in_tenants(tenants, told_failing, rules, now, stale_at),
        *withdrawn,
        *failed_syncs.find_in_syncs(failing, explained, rules),
        *call_rules.find_in_calls(
            call_rules.read_calls(connection, call_rules.window(rules, now)),
            call_rules.read_call_totals(connection, rules, now),
            shut_out,
            rules,
        ),
        *silent,
        *record_drops.find_drops(
            record_drops.read_whole_reads(connection, rules), record_drops.read_weeks(connection, now), rules, now
        ),
        *completeness.find_imbalances(
            completeness.read_imbalances(connection, rules, now), completeness.read_shortfalls(connection), rules
        ),
        *api_counts.find_miscounts(api_counts.read_last_counts(connection), rules, silent),
        *completeness.find_set_aside(completeness.read_set_aside(connection, rules, now), rules),
        *field_drift.find_drift(field_drift.read_drifted_fields(connection), rules),
        *member_counts.find_fewer_members(member_counts.read_member_counts(connection, rules, now), rules),
        *late_reports.find_reports_behind(late_reports.read_builds(connection, now), rules, now),
    ]
    return [finding for finding in found if finding.rule in rules.enabled]
