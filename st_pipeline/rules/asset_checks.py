"""The checks of each table: the rules' findings, grouped by the asset that they are about.

Checks and alerts use the same findings, so they never disagree. Only the findings about an entity's freshness and about
invoice totals are made just for checks. This module doesn't depend on Dagster; defs/checks.py makes the asset checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from st_pipeline.rules import all_rules, api_counts, entity_freshness, invoice_totals, tenant_health
from st_pipeline.rules.api_counts import ApiCount
from st_pipeline.rules.entity_freshness import LastRead
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.rules.invoice_totals import InvoiceTotals
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES, is_legacy_required
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.steps.step import Do, Step

RAW_CHECKS = {
    "is_fresh": "Every tenant's new and changed records were read to the end within its cadence. Paused, disabled, and "
    "unconnected tenants do not count.",
    "is_complete": "Every landed record was loaded or quarantined, and no landed file has waited too long.",
    "counts_agree": "Raw has as many rows as the API counts, for records old enough that no export is late. Checked "
    "after every full refresh, and weekly.",
    "keeps_coming": "Records keep arriving where there used to be some, with no sudden large drop.",
    "is_granted": "No tenant withdrew the scope. If the legacy tables need it, every tenant granted it.",
    "is_typed": "Almost no recent record is in quarantine, in whole or in part.",
    "fields_are_stable": "No field appeared or disappeared since each tenant's first sync.",
}
LEGACY_CHECKS = {
    ("invoices_stream", "totals_arrive"): "For each tenant, active invoices in raw match those streamed or "
    "rejected, in number and in total, to the last decimal the column holds.",
    ("members_stream", "members_stay"): "No tenant's report has far fewer members than on recent days.",
}
_CHECK_OF_RULE = {
    "nothing_sent": "keeps_coming",
    "drop": "keeps_coming",
    "scope_withdrawn": "is_granted",
    "quarantine": "is_typed",
    "drift": "fields_are_stable",
    "reconciliation": "is_complete",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check. It passed if there are no findings; ``notes`` are always shown."""

    asset: tuple[str, str]
    """Schema and table."""
    check: str
    findings: Sequence[Finding]
    notes: dict[str, str | int] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """The severity of its worst finding."""
        return Severity.NOW if any(one.severity is Severity.NOW for one in self.findings) else Severity.CAN_WAIT

    @property
    def tenants(self) -> list[str]:
        """The tenants it failed for."""
        return sorted({one.tenant for one in self.findings})


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the verdicts are based on, read at one moment."""

    tenants: int
    findings: Sequence[Finding]
    stale: Sequence[Finding]
    readings: Sequence[LastRead]
    counts: Sequence[ApiCount]
    totals: Sequence[InvoiceTotals]
    now: datetime


def read_evidence(connection: psycopg.Connection, rules: Rules, now: datetime) -> Evidence:
    """Read all evidence at ``now`` in one transaction. Call it only while no build is running."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        tenants, stale_at = tenant_health.read_tenant_facts(connection), compute_stale_at(rules)
        readings = entity_freshness.read_last_reads(connection)
        return Evidence(
            tenants=len(tenants),
            findings=all_rules.find_all(connection, tenants, rules, now, stale_at),
            stale=list(entity_freshness.find_stale_entities(readings, tenants, rules, now, stale_at)),
            readings=readings,
            counts=api_counts.read_last_counts(connection),
            totals=invoice_totals.read_invoice_totals(connection),
            now=now,
        )


def judge(known: Evidence) -> list[Verdict]:
    """A verdict for each check of each table. Pure."""
    return [verdict for entity in ASSET_ENTITIES for verdict in _raw(entity, known)] + _legacy(known)


def _raw(entity: str, known: Evidence) -> list[Verdict]:
    about: dict[str, list[Finding]] = {check: [] for check in RAW_CHECKS}
    about["is_fresh"] = [finding for finding in known.stale if finding.entity == entity]
    for finding in known.findings:
        check = _check_of(finding)
        if check and entity in finding.concerned:
            about[check].append(finding)
    refused = [one for one in known.readings if one.entity == entity and not one.is_granted]
    about["is_granted"] += _lacking(entity, refused, about["is_granted"], known.now)
    notes: dict[str, dict[str, str | int]] = {check: {"tenants_looked_at": known.tenants} for check in RAW_CHECKS}
    if refused:
        notes["is_granted"]["not_granted"] = ", ".join(one.tenant for one in refused)
    notes["counts_agree"] |= _counts(entity, known)
    return [Verdict(("raw", entity), check, about[check], notes[check]) for check in RAW_CHECKS]


def _check_of(finding: Finding) -> str | None:
    return finding.check or _CHECK_OF_RULE.get(finding.rule)


def _lacking(entity: str, refused: Iterable[LastRead], told: Iterable[Finding], now: datetime) -> list[Finding]:
    """Tenants that never granted a scope that the legacy tables require, so their syncs fail."""
    withdrawn = {finding.tenant for finding in told}
    scope = endpoint(entity).scope
    return [
        Finding(
            "failed_sync",
            one.tenant,
            Severity.CAN_WAIT,
            f"The app does not have the permission {scope}. The reports cannot be built without it",
            one.read_at or now,
            (Step(Do.GRANT_SCOPE, scope), Step(Do.SYNC)),
            entity,
            run_id=one.run_id,
        )
        for one in refused
        if is_legacy_required(entity) and one.tenant not in withdrawn
    ]


def _counts(entity: str, known: Evidence) -> dict[str, str | int]:
    counts = [count for count in known.counts if count.entity == entity]
    counted = {count.tenant for count in counts}
    missing = [one.tenant for one in known.readings if one.entity == entity and one.tenant not in counted]
    return {
        "tenants_counted": len(counts),
        "counted_by_the_api": sum(count.api_total for count in counts),
        "counted_in_raw": sum(count.raw_rows for count in counts),
        "not_counted": ", ".join(missing) or "none",
    }


def _legacy(known: Evidence) -> list[Verdict]:
    settled = {"companies_compared": len(known.totals), "invoices": sum(one.invoices for one in known.totals)}
    about = {
        "totals_arrive": (list(invoice_totals.find_lost_totals(known.totals, known.now)), settled),
        "members_stay": (
            [finding for finding in known.findings if finding.rule == "fewer_members"],
            {"tenants_looked_at": known.tenants},
        ),
    }
    return [Verdict(("legacy", table), check, about[check][0], dict(about[check][1])) for table, check in LEGACY_CHECKS]
