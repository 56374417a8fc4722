"""failed_syncs.py: a failed sync, several in a row, a withdrawn scope; and what is a consequence of what."""

from __future__ import annotations

from dataclasses import replace

from st_pipeline.history import recorder
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.rules.thresholds import FailuresInARow, Rules
from st_pipeline.steps.commands import command_words
from st_pipeline.steps.step import Do, Step, Steps
from tests.support.monitored import Find
from tests.support.past import CUSTOMERS, DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, read

INVOICES = "accounting_invoices"
CONTACTS = "crm_customer_contacts"
TYPES = "jpm_job_types"
ERROR = "acme crm_customers: no usable answer after 5 tries (trace 77)"


def refused(entity: str) -> EntityRecord:
    return EntityRecord(entity, "not_granted", detail=f"acme {entity}: not granted")


def told(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings if not finding.is_consequence]


def test_a_failed_sync_says_what_its_own_error_or_its_first_failed_entity_says_to_do(past: Past, find: Find) -> None:
    past.tenant()
    key, page = (Step(Do.ENTER_APP_KEY),), (Step(Do.CHECK_STATUS_PAGE),)

    def steps() -> Steps:
        return next(finding.steps for finding in find() if finding.rule == "failed_sync")

    then = (Step(Do.SYNC),)
    past.sync(NOW - 3 * HOUR, error="no app key", steps=key)
    assert steps() == (*key, *then)
    past.sync(NOW - 2 * HOUR, error="no", entities=[read(outcome="failed"), read(TYPES, outcome="failed", steps=page)])
    assert steps() == (*page, *then)
    past.sync(NOW - HOUR, error="no")
    assert steps() == (Step(Do.FIX_ERROR), *then)
    report = Step(Do.REPORT_TRACE)
    past.sync(NOW - HOUR / 2, error="no", trace_id="42")
    assert steps() == (Step(Do.FIX_ERROR), *then, report), "its support can find the call"
    past.sync(NOW - HOUR / 4, error="no", trace_id="42", steps=(report,))
    assert steps() == (report, *then), "once"


def test_a_failed_sync_is_told_with_its_error_and_run_until_one_succeeds(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - DAY)
    past.sync(LAST_NIGHT, error=ERROR, run_id="run-7")
    (failed,) = find(LAST_NIGHT + HOUR)
    assert (failed.rule, failed.severity, failed.run_id) == ("failed_sync", Severity.CAN_WAIT, "run-7")
    assert ERROR in failed.what
    assert failed.since == LAST_NIGHT + 5 * MINUTE
    assert "st-pipeline sync acme" in command_words(failed.steps, failed.tenant)
    past.sync(LAST_NIGHT + HOUR, entities=[read()])
    assert find() == []


def test_more_than_three_failures_in_a_row_are_told_beside(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - DAY)
    for hour in range(3):
        past.sync(LAST_NIGHT + hour * HOUR, error=ERROR)
    assert told(find(LAST_NIGHT + 3 * HOUR)) == ["failed_sync"]
    past.sync(LAST_NIGHT + 3 * HOUR, error=ERROR)
    assert told(find(LAST_NIGHT + 3.5 * HOUR)) == ["failures_in_a_row"], "that the last one failed follows from it"
    assert told(find(LAST_NIGHT + 9 * DAY)) == ["failures_in_a_row"], "and so does that it is stale"
    failed, in_a_row = find(LAST_NIGHT + 3.5 * HOUR)
    assert (in_a_row.rule, in_a_row.severity) == ("failures_in_a_row", Severity.NOW)
    assert in_a_row.what.startswith("4 syncs in a row failed")
    assert in_a_row.since == failed.since == LAST_NIGHT + 5 * MINUTE


def test_whoever_wants_no_row_of_failures_is_told_of_each_and_that_it_is_stale(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - DAY)
    for hour in range(4):
        past.sync(LAST_NIGHT + hour * HOUR, error=ERROR)
    rules = replace(Rules(), failures_in_a_row=FailuresInARow(enabled=False))
    assert told(find(LAST_NIGHT + 2 * DAY, rules)) == ["stale", "failed_sync"]


def test_a_sync_of_some_entities_is_neither_a_tenants_failure_nor_its_success(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3)
    past.sync(NOW - 2 * HOUR, error=ERROR, partial=True)
    assert find() == []
    past.sync(NOW - HOUR, error=ERROR)
    past.sync(NOW - HOUR / 2, entities=[read()], partial=True)
    (failed,) = find()
    assert failed.what == f"The last sync failed: {ERROR}"
    past.sync(NOW - HOUR / 4, entities=[read()])
    assert find() == []


def test_a_success_between_begins_the_row_anew(past: Past, find: Find) -> None:
    past.tenant()
    for hour in range(8):
        past.sync(LAST_NIGHT + hour * HOUR, error=None if hour == 4 else ERROR, entities=[read()])
    assert told(find()) == ["failed_sync"]


def test_a_sync_that_runs_or_was_killed_is_neither_well_nor_failed(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3)
    recorder.record_start(past.connection, "acme", None, NOW - HOUR, full=False)
    assert find() == []
    past.sync(NOW - 2 * HOUR, error=ERROR)
    assert told(find()) == ["failed_sync"]


def test_one_tenants_failure_is_no_others(past: Past, find: Find) -> None:
    past.tenant("acme")
    past.tenant("bolt")
    for key in ("acme", "bolt"):
        past.nights(3, key)
    past.sync(NOW - HOUR, "bolt", error="bolt: it broke")
    assert [(finding.rule, finding.tenant) for finding in find()] == [("failed_sync", "bolt")]


def test_a_withdrawn_scope_is_told_once_for_all_its_entities_with_its_name(past: Past, find: Find) -> None:
    past.tenant()
    granted = [read(), read(CONTACTS), read(INVOICES)]
    past.sync(LAST_NIGHT - DAY, entities=granted)
    past.sync(LAST_NIGHT, entities=[refused(CUSTOMERS), refused(CONTACTS), read(INVOICES)], error="acme: not granted")
    findings = find(LAST_NIGHT + HOUR)
    assert told(findings) == ["scope_withdrawn"]
    withdrawn = findings[0]
    assert (withdrawn.tenant, withdrawn.severity) == ("acme", Severity.NOW)
    assert withdrawn.since == LAST_NIGHT
    assert "tn.crm.customers:r" in withdrawn.what and CUSTOMERS in withdrawn.what and CONTACTS in withdrawn.what
    assert "The reports cannot be built without this permission" in withdrawn.what
    assert "developer portal" in command_words(
        withdrawn.steps, withdrawn.tenant
    ) and "tn.crm.customers:r" in command_words(withdrawn.steps, withdrawn.tenant)
    assert "rotate" not in command_words(withdrawn.steps, withdrawn.tenant)
    assert told(find(LAST_NIGHT + 3 * DAY)) == ["scope_withdrawn"], "that it is stale follows from it"
    past.sync(LAST_NIGHT + HOUR, entities=granted)
    assert find() == []


def test_a_withdrawn_scope_that_no_legacy_table_needs_fails_no_sync_and_is_told(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - DAY, entities=[read(), read(TYPES)])
    past.sync(LAST_NIGHT, entities=[read(), refused(TYPES)])
    (withdrawn,) = find()
    assert (withdrawn.rule, withdrawn.entity) == ("scope_withdrawn", TYPES)
    assert "reports" not in withdrawn.what


def test_a_scope_that_never_was_granted_is_no_withdrawal(past: Past, find: Find) -> None:
    past.tenant()
    for night in (LAST_NIGHT - DAY, LAST_NIGHT):
        past.sync(night, entities=[read(), refused(TYPES)])
    assert find() == []


def test_a_needed_scope_that_never_was_granted_is_a_failed_sync_that_names_it(past: Past, find: Find) -> None:
    past.tenant(since=NOW - DAY / 4)
    past.sync(
        LAST_NIGHT + 5 * HOUR, entities=[read(), refused(INVOICES)], error="acme accounting_invoices: not granted"
    )
    (failed,) = find()
    assert (failed.rule, failed.is_consequence) == ("failed_sync", False)
    assert "tn.acc.invoices:r" in command_words(failed.steps, failed.tenant) and "developer portal" in command_words(
        failed.steps, failed.tenant
    )


def test_another_failure_beside_a_withdrawn_scope_is_told_as_well(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - DAY, entities=[read(), read(INVOICES)])
    broken = EntityRecord(INVOICES, "failed", detail="no answer")
    past.sync(LAST_NIGHT, entities=[refused(CUSTOMERS), broken], error="acme: not granted; acme: no answer")
    assert told(find(LAST_NIGHT + HOUR)) == ["scope_withdrawn", "failed_sync"]


def test_a_sync_of_other_entities_does_not_give_a_scope_back(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - DAY, entities=[read(), read(TYPES)])
    past.sync(LAST_NIGHT, entities=[read(), refused(TYPES)])
    past.sync(NOW - HOUR, entities=[read()])
    assert [finding.rule for finding in find()] == ["scope_withdrawn"]


def test_loading_alone_mends_nothing(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT - 3 * DAY, entities=[read(), read(TYPES)])
    past.sync(LAST_NIGHT - 2 * DAY, entities=[read(), refused(TYPES)])
    past.sync(LAST_NIGHT, error=ERROR)
    before = find()
    assert told(before) == ["stale", "scope_withdrawn", "failed_sync"]
    past.sync(
        NOW - HOUR, entities=[EntityRecord(CUSTOMERS, "succeeded"), EntityRecord(TYPES, "succeeded")], partial=True
    )
    assert find() == before
