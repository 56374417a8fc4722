"""portal/audit/audit.py: what was done, by whom, and that nothing of it changes."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_what_was_done_is_read_newest_first_and_by_tenant(control: psycopg.Connection) -> None:
    ann = Author("ann", "operator", "192.0.2.1")
    audit.record(control, ann, "paused", NOW, tenant="acme", detail={"cadence": "paused"})
    audit.record(control, audit.COMMAND_LINE, "user added", NOW)
    newest, before = audit.read(control, limit=2)
    assert (newest.actor, newest.role, newest.action, newest.tenant) == ("command line", "", "user added", None)
    assert (before.actor, before.role, before.detail) == ("ann", "operator", {"cadence": "paused"})
    assert audit.read(control, tenant="acme", before=newest.id)[0] == before
    assert audit.read(control, tenant="acme", before=before.id) == []


@pytest.mark.parametrize(
    "statement", ["update control.audit set actor = ''", "delete from control.audit", "truncate control.audit"]
)
def test_nothing_of_it_is_changed_or_deleted(control: psycopg.Connection, statement: str) -> None:
    audit.record(control, audit.COMMAND_LINE, "user added", NOW)
    with pytest.raises(psycopg.errors.RaiseException, match="kept for good"):
        control.execute(statement)  # pyright: ignore[reportCallIssue, reportArgumentType]
