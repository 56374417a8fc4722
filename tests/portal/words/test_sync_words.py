"""portal/words/sync_words.py: why a sync ran, what it read, and its log, line by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from st_pipeline.history.sync_log import Drifted, FileRow, LogEntries, Request
from st_pipeline.history.syncs import Sync, SyncDetail, SyncEntity, SyncState
from st_pipeline.portal.people.roles import Actor, Role
from st_pipeline.portal.words.sync_words import Line, log_lines, reason_words, scope_words
from st_pipeline.steps.step import Do, Step
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.support.past import MINUTE, NOW, Past, read

ANN, CLIENT = Actor("ann", Role.OPERATOR), Actor("client of acme", Role.CLIENT, tenant="acme")
NOTHING = LogEntries([], [], 0, [])
FILE = FileRow("crm_customers", NOW + MINUTE, 1200, 3, 45_000, 0, NOW + 2 * MINUTE, 1150)


def sync(state: SyncState = SyncState.SUCCEEDED, **changes: Any) -> Sync:
    sums: dict[str, Any] = dict.fromkeys(
        ("fetched", "loaded", "quarantined_whole", "quarantined_fields", "deleted", "pages", "bytes", "calls",
         "failed_calls", "refused_calls", "retries", "call_seconds", "slowest_call"), 0,
    )  # fmt: skip
    facts: dict[str, Any] = {
        "id": 7, "tenant": "acme", "state": state, "reason": "regular", "due_for": None, "requested_by": "",
        "is_full": False, "is_partial": False, "run_id": None, "app": "", "started_at": NOW,
        "finished_at": NOW + 5 * MINUTE, "error": None, "own_error": None, "steps": (), "trace_id": None, "buckets": [],
    }  # fmt: skip
    return Sync(**(sums | facts | changes))


def entity(name: str, outcome: str = "succeeded", detail: str | None = None, *steps: Step) -> SyncEntity:
    return SyncEntity(name, outcome, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1.0, None, detail, steps, None)


def texts(
    one: Sync, rows: LogEntries = NOTHING, entities: tuple[SyncEntity, ...] = (), actor: Actor = ANN
) -> list[str]:
    return [line.text for line in log_lines(SyncDetail(one, list(entities), []), rows, actor)]


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    control.execute("delete from control.syncs")
    return Past(control)


@pytest.mark.parametrize(
    ("own_error", "said"),
    [
        (None, ". These record types failed: Leads, Jobs. Each is explained above."),
        ("The disk is full", ": The disk is full."),
    ],
)
def test_the_end_of_the_log_repeats_nothing_and_leaves_nothing_out(
    signed_in: SignedIn, past: Past, own_error: str | None, said: str
) -> None:
    entities = [read("jpm_jobs", 0, outcome="failed", detail="acme/jpm_jobs: no answer"),
                read("crm_leads", 0, outcome="not_granted", detail="acme/crm_leads: not granted"),
                read(detail="fewer than before")]  # fmt: skip
    sync_id = past.sync(datetime.now(UTC) - MINUTE, error="no", own_error=own_error, entities=entities, seconds=42)
    text = text_of(signed_in(Role.OPERATOR).get(f"/tenants/acme/syncs/{sync_id}").text)
    end = text.partition("Failed after 42 s")[2]
    assert end.startswith(said) and "above" not in end.removeprefix(said), end[:300]
    for one in entities:
        assert str(one.detail) in text.partition(" Log ")[2]


@pytest.mark.parametrize(
    ("reason", "requested_by", "words"),
    [
        ("regular", "", "Scheduled"),
        ("first", "", "First sync"),
        ("catch_up", "", "Catch-up for a missed sync"),
        ("retry", "", "Retry"),
        ("manual", "ann", "Manual, ann"),
        ("request", "ann", "Requested by ann"),
        ("request", "", "Requested"),
        ("weekly_full_read", "", "weekly full read"),
    ],
)
def test_a_reason_has_words_also_if_it_is_a_new_one(reason: str, requested_by: str, words: str) -> None:
    assert reason_words(reason, requested_by) == words


@pytest.mark.parametrize(
    ("is_full", "is_partial", "words"),
    [
        (False, False, "New and changed records"),
        (True, False, "Full refresh"),
        (False, True, "New and changed records, some record types only"),
        (True, True, "Full refresh, some record types only"),
    ],
)
def test_the_scope_says_how_much_is_read_and_whether_of_everything(is_full: bool, is_partial: bool, words: str) -> None:
    assert scope_words(is_full=is_full, is_partial=is_partial) == words


def test_events_are_in_the_order_of_their_times_before_what_has_none() -> None:
    later = replace(FILE, entity="jpm_jobs", landed_at=NOW + 3 * MINUTE, loaded_at=None)
    rows = LogEntries(
        [Request("ann", NOW - MINUTE)], [later, FILE], 4, [Drifted("jpm_jobs", "new", NOW + 2.5 * MINUTE, ["a", "b"])]
    )
    assert texts(sync(is_full=True, fetched=2400, loaded=1150), rows) == [
        "Requested by ann",
        "Started: Full refresh (Scheduled)",
        "crm_customers: 1,200 records downloaded from 3 pages, 45 kB",
        "crm_customers: 1,150 records loaded",
        "jpm_jobs: New fields: a, b",
        "jpm_jobs: 1,200 records downloaded from 3 pages, 45 kB",
        "4 more files downloaded",
        "Succeeded in 5 min: 2,400 records downloaded, 1,150 loaded",
    ]


def test_one_record_and_one_page_are_singular_and_problem_records_are_counted() -> None:
    file = replace(FILE, records=1, pages=1, bytes=900, quarantined_whole=1, loaded_rows=None)
    rows = LogEntries([], [file], 0, [Drifted("crm_customers", "missing", NOW + 4 * MINUTE, ["name"])])
    assert texts(sync(fetched=1), rows)[1:] == [
        "crm_customers: 1 record downloaded (1 of them problem records) from 1 page, 900 B",
        "crm_customers: 0 records loaded",
        "crm_customers: Fields no longer sent: name",
        "Succeeded in 5 min: 1 record downloaded, 0 loaded",
    ]


def test_each_entity_that_did_not_succeed_says_why_and_what_this_person_can_do() -> None:
    steps = (Step(Do.SYNC), Step(Do.RELOAD, "jpm_jobs"))
    entities = (
        entity("accounting_payments", "not_granted", "scope tn.acc.payments:r is not granted"),
        entity("crm_customers"),
        entity("crm_locations", "succeeded", "Fewer than before"),
        entity("jpm_jobs", "failed", "No answer", *steps),
    )
    failed = sync(SyncState.FAILED, error="No answer")
    granted, fewer, jobs, end = texts(failed, entities=entities)[1:]
    assert granted == "accounting_payments: permission missing. scope tn.acc.payments:r is not granted."
    assert fewer == "crm_locations: Fewer than before."
    assert jobs.startswith("jpm_jobs: failed. No answer. Click Sync now under Status.")
    assert "st-pipeline reload acme" in jobs
    assert end == "Failed after 5 min. These record types failed: Payments, Jobs. Each is explained above."
    assert not any("st-pipeline" in text for text in texts(failed, entities=entities, actor=CLIENT))


@pytest.mark.parametrize(
    ("state", "finished_at", "tone", "at"),
    [
        (SyncState.SUCCEEDED, NOW + MINUTE, "good", NOW + MINUTE),
        (SyncState.FAILED, NOW + MINUTE, "bad", NOW + MINUTE),
        (SyncState.INTERRUPTED, None, "bad", None),
    ],
)
def test_a_sync_that_ended_says_so_last(
    state: SyncState, finished_at: datetime | None, tone: str, at: datetime | None
) -> None:
    last = log_lines(SyncDetail(sync(state, finished_at=finished_at, own_error="Full"), [], []), NOTHING, ANN)[-1]
    assert (last.tone, last.at) == (tone, at)


def test_a_running_sync_has_only_started() -> None:
    detail = SyncDetail(sync(SyncState.RUNNING, finished_at=None), [], [])
    started = "Started: New and changed records (Scheduled)"
    assert log_lines(detail, NOTHING, ANN) == [Line(NOW, started, "busy")]
