"""hold.py: a sync whose lock was taken by another commits nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline.landing import tenant_lock as lock_module
from st_pipeline.landing.hold import Hold, LockLost, take
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.postgres import Database, connect
from st_pipeline.steps.step import Do
from st_pipeline.warehouse import arrow_connection
from tests.support.waiting import PATIENCE_SECONDS, wait_for

NOW = datetime(2026, 3, 1, tzinfo=UTC)
END_IT = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name like %s"


@pytest.fixture
def lost(warehouse: Database, control: psycopg.Connection) -> Iterator[Hold]:
    """A hold whose connection ended; another process has the lock now."""
    with ExitStack() as stack:
        hold = stack.enter_context(tenant_lock(warehouse, "lost", "first", wait_seconds=0))
        Ledger(control, hold).begin("lost", "crm_customers", NOW, full=False)
        control.execute(END_IT, ("%lost (first)%",))
        stack.enter_context(tenant_lock(warehouse, "lost", "second", wait_seconds=PATIENCE_SECONDS))
        yield hold


def test_the_ledger_keeps_nothing_of_a_sync_that_lost_its_lock(control: psycopg.Connection, lost: Hold) -> None:
    ledger = Ledger(control, lost)
    batch = ledger.current("lost", "crm_customers")
    assert batch
    with pytest.raises(LockLost, match="another sync took over") as raised:
        ledger.move_cursor(batch, "further")
    assert [step.do for step in raised.value.steps] == [Do.WAIT_FOR_RETRY]
    with pytest.raises(LockLost):
        ledger.begin("lost", "crm_jobs", NOW, full=False)
    assert ledger.current("lost", "crm_customers") == batch
    assert ledger.current("lost", "crm_jobs") is None


def test_a_load_of_a_sync_that_lost_its_lock_is_refused(warehouse: Database, lost: Hold) -> None:
    with (
        arrow_connection.connect(warehouse) as connection,
        connection.cursor() as cursor,
        pytest.raises(LockLost),
    ):
        arrow_connection.check(cursor, lost)


def test_a_hold_that_lasts_is_accepted_everywhere(warehouse: Database, control: psycopg.Connection) -> None:
    with tenant_lock(warehouse, "lasting", "first", wait_seconds=0) as hold:
        hold.check(control)
        with arrow_connection.connect(warehouse) as connection, connection.cursor() as cursor:
            arrow_connection.check(cursor, hold)


def test_the_next_holder_waits_for_a_commit_that_has_begun(warehouse: Database, control: psycopg.Connection) -> None:
    hold = take(control, "committing")
    with connect(warehouse) as slow, connect(warehouse, autocommit=True) as next_one:
        hold.check(slow)
        next_one.execute("set lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            take(next_one, "committing")
        slow.commit()
        assert take(next_one, "committing").number == hold.number + 1


def test_the_lock_never_looks_idle(
    warehouse: Database, control: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "HEARTBEAT_SECONDS", 0.01)
    asked = "select state_change, query from pg_stat_activity where application_name like %s"
    with tenant_lock(warehouse, "beating", "one", wait_seconds=0):
        wait_for(
            "a heartbeat", lambda: (control.execute(asked, ("%beating%",)).fetchone() or ("", ""))[1] == "select 1"
        )
