"""asset_checks.py: the rules' findings by table; the job that shows them is tested with Dagster."""

from __future__ import annotations

import pytest

from st_pipeline.history.recorder import EntityRecord
from st_pipeline.rules.asset_checks import LEGACY_CHECKS, RAW_CHECKS, Evidence, Verdict, judge, read_evidence
from st_pipeline.rules.entity_freshness import LastRead
from st_pipeline.rules.findings import ALL_TENANTS, Finding, Severity
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from tests.support.past import CUSTOMERS, LAST_NIGHT, NOW, Past, read

INVOICES = "accounting_invoices"


def known(*findings: Finding, readings: tuple[LastRead, ...] = ()) -> Evidence:
    return Evidence(1, findings, [], readings, [], [], NOW)


def finding(rule: str, severity: Severity = Severity.NOW, tenant: str = "acme", **about: object) -> Finding:
    return Finding(rule, tenant, severity, "what", NOW, "advice", **about)  # pyright: ignore[reportArgumentType]


def failed(verdicts: list[Verdict]) -> set[tuple[str, str]]:
    return {(verdict.asset[1], verdict.check) for verdict in verdicts if verdict.findings}


def test_every_table_has_every_check_once() -> None:
    verdicts = judge(known())
    assert failed(verdicts) == set()
    keys = [(verdict.asset, verdict.check) for verdict in verdicts]
    assert len(keys) == len(set(keys)) == len(ASSET_ENTITIES) * len(RAW_CHECKS) + len(LEGACY_CHECKS)


def test_a_finding_about_several_entities_is_shown_at_each() -> None:
    silent = finding("nothing_sent", entities=(CUSTOMERS, INVOICES), subject="any")
    assert failed(judge(known(silent))) == {(CUSTOMERS, "keeps_coming"), (INVOICES, "keeps_coming")}


def test_what_is_about_no_table_is_at_none() -> None:
    unrelated = [
        finding("failed_sync"), finding("credentials_refused"), finding("rate_limit"), finding("error_rate"),
        finding("reports_behind", tenant=ALL_TENANTS),
    ]  # fmt: skip
    assert failed(judge(known(*unrelated))) == set()


@pytest.mark.parametrize(
    ("severities", "expected"),
    [((Severity.CAN_WAIT,), Severity.CAN_WAIT), ((Severity.CAN_WAIT, Severity.NOW), Severity.NOW)],
)
def test_a_check_is_as_bad_as_the_worst_of_its_findings(severities: tuple[Severity, ...], expected: Severity) -> None:
    findings = [finding("drift", severity, f"t{n}", entity=CUSTOMERS) for n, severity in enumerate(severities)]
    (verdict,) = [one for one in judge(known(*findings)) if one.findings]
    assert (verdict.severity, verdict.tenants) == (expected, [f"t{n}" for n in range(len(severities))])


def test_a_scope_that_the_legacy_tables_need_and_nobody_granted_fails_and_another_is_shown() -> None:
    readings = tuple(LastRead("acme", entity, None, False, None) for entity in (INVOICES, "jpm_jobs"))
    verdicts = judge(known(readings=readings))
    assert failed(verdicts) == {(INVOICES, "is_granted")}
    (jobs,) = [one for one in verdicts if one.asset[1] == "jpm_jobs" and one.check == "is_granted"]
    assert jobs.notes["not_granted"] == "acme"


def test_a_withdrawn_scope_is_said_once_for_a_tenant() -> None:
    withdrawn = finding("scope_withdrawn", entity=INVOICES, entities=(INVOICES,))
    (verdict,) = [
        one for one in judge(known(withdrawn, readings=(LastRead("acme", INVOICES, NOW, False, None),))) if one.findings
    ]
    assert list(verdict.findings) == [withdrawn]


def test_it_is_all_read_from_the_rows_and_a_consequence_is_a_fact_all_the_same(past: Past) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, entities=[read(entity) for entity in ASSET_ENTITIES])
    assert failed(judge(read_evidence(past.connection, Rules(), NOW))) == set()
    past.sync(NOW, full=True, entities=[read(CUSTOMERS, fetched=0), EntityRecord("jpm_jobs", "not_granted")])
    assert failed(judge(read_evidence(past.connection, Rules(), NOW))) == {
        (CUSTOMERS, "keeps_coming"), ("jpm_jobs", "is_granted"),
    }  # fmt: skip
