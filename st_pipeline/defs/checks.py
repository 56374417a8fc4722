"""The data checks as the UI shows them, and the job and schedule that run all of them every hour.

rules/asset_checks.py defines what is checked. The dbt model tests are separate checks (reports.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from st_pipeline import postgres
from st_pipeline.dbt import one_build_at_a_time
from st_pipeline.rules.asset_checks import LEGACY_CHECKS, RAW_CHECKS, Verdict, judge, read_evidence
from st_pipeline.rules.findings import Finding, Severity, format_count
from st_pipeline.rules.thresholds_file import read_rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.steps.commands import command_words
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.visible import visible

ROWS = 100  # in the table that a failed check shows; the list of tenants is never cut


@dg.multi_asset_check(
    name="data",
    specs=[
        *(
            dg.AssetCheckSpec(name, asset=dg.AssetKey(["raw", entity]), description=description)
            for entity in ASSET_ENTITIES
            for name, description in RAW_CHECKS.items()
        ),
        *(
            dg.AssetCheckSpec(name, asset=dg.AssetKey(["legacy", table]), description=description)
            for (table, name), description in LEGACY_CHECKS.items()
        ),
    ],
    can_subset=True,
)
def data(context: dg.AssetCheckExecutionContext, pipeline: dg.ResourceParam[Pipeline]) -> Iterator[dg.AssetCheckResult]:
    """Read the current state once, then evaluate all selected checks against it."""
    selected = context.selected_asset_check_keys
    with (
        # A build changes the tables one at a time, so totals don't match while it is running.
        one_build_at_a_time(pipeline.database),
        postgres.connect(pipeline.database, application="st-pipeline checks", autocommit=True) as connection,
    ):
        known = read_evidence(connection, read_rules(pipeline.settings.home), pipeline.clock())
    for verdict in judge(known):
        if dg.AssetCheckKey(dg.AssetKey(verdict.asset), verdict.check) in selected:
            yield _result(verdict)


check_data = dg.define_asset_job(
    "check_data",
    selection=dg.AssetSelection.checks(data),
    executor_def=dg.in_process_executor,
    description="Check that every tenant's data is fresh and complete in the raw and legacy tables.",
)

hourly_checks = dg.ScheduleDefinition(
    name="hourly_checks",
    job=check_data,
    cron_schedule="20 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Run the data checks every hour, at a time when few syncs are scheduled.",
)


def _result(verdict: Verdict) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        name: visible(note) if isinstance(note, str) else note for name, note in verdict.notes.items()
    }
    if verdict.findings:
        metadata["tenants"] = ", ".join(verdict.tenants)
        metadata["findings"] = dg.MetadataValue.md(_table(verdict.findings[:ROWS]))
    return dg.AssetCheckResult(
        passed=not verdict.findings,
        asset_key=dg.AssetKey(verdict.asset),
        check_name=verdict.check,
        severity=dg.AssetCheckSeverity.ERROR if verdict.severity is Severity.NOW else dg.AssetCheckSeverity.WARN,
        description=_summary(verdict.tenants) if verdict.findings else None,
        metadata=metadata,
    )


def _summary(tenants: Sequence[str]) -> str:
    return f"{format_count(len(tenants), 'tenant')}: {', '.join(tenants[:10])}"


def _table(findings: Sequence[Finding]) -> str:
    lines = ["| tenant | entity | what | since | what to do |", "|---|---|---|---|---|"]
    for one in findings:
        cells = (
            one.tenant,
            ", ".join(one.concerned),
            one.what,
            f"{one.since:%Y-%m-%d %H:%M} UTC",
            command_words(one.steps, one.tenant),
        )
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Escape text from an API for a table cell: it can't add a column, a line, or markup."""
    escaped = visible(" ".join(text.split())).replace("\\", "\\\\")
    for sign in "|<`[*_":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
