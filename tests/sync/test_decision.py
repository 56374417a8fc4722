"""What a run does for a tenant when it reaches it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from st_pipeline.history.recorder import Cause
from st_pipeline.schedule.due_times import Due, Reason
from st_pipeline.schedule.sync_requests import SyncRequest
from st_pipeline.sync.decision import Decision, decide

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(minutes=5), NOW + timedelta(seconds=1)
DUE = Due(EARLIER, Reason.CATCH_UP, EARLIER)
TO_COME = Due(LATER, Reason.REGULAR, LATER)


def request(entities: list[str] | None = None, *, full: bool = False, by: str = "ada") -> SyncRequest:
    return SyncRequest(1, "acme", by, EARLIER, full, entities)


def test_nothing_is_done_when_nothing_is_asked_for_or_due() -> None:
    assert decide([], None, NOW) is None
    assert decide([], TO_COME, NOW) is None


def test_what_is_due_is_done() -> None:
    assert decide([], DUE, NOW) == Decision(Cause("catch_up", EARLIER))
    assert decide([], TO_COME, LATER) == Decision(Cause("regular", LATER))


def test_what_was_asked_for_first_is_done_first() -> None:
    found = decide([request(["jpm_jobs"], full=True), request(by="bob")], TO_COME, NOW)
    assert found == Decision(Cause("request", None, "ada"), ["jpm_jobs"], True)


def test_a_request_for_all_is_also_the_sync_that_is_due_and_one_for_a_part_is_not() -> None:
    assert decide([request()], DUE, NOW) == Decision(Cause("request", EARLIER, "ada"))
    assert decide([request(["jpm_jobs"])], DUE, NOW) == Decision(Cause("request", None, "ada"), ["jpm_jobs"])
