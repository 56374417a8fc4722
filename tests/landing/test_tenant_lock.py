"""Two syncs of one tenant never run at the same time, and a waiting sync says which one it waits for."""

from __future__ import annotations

import logging
import threading

import psycopg
import pytest

from st_pipeline.landing import tenant_lock as module
from st_pipeline.landing.tenant_lock import TenantBusy, tenant_lock
from st_pipeline.postgres import Database
from tests.support.waiting import PATIENCE_SECONDS, wait_for


def test_a_held_lock_is_refused_with_a_message_that_names_the_holder(warehouse: Database) -> None:
    with (
        tenant_lock(warehouse, "acme", "run-1234", wait_seconds=0),
        pytest.raises(
            TenantBusy, match=r"tenant acme is being synced by st-pipeline sync acme \(run-1234\) since 20.* UTC"
        ),
        tenant_lock(warehouse, "acme", "another", wait_seconds=0),
    ):
        pytest.fail("both have it")


def test_the_lock_is_free_after_an_end_and_after_an_error(warehouse: Database) -> None:
    with tenant_lock(warehouse, "free", "one", wait_seconds=0):
        pass
    with pytest.raises(ZeroDivisionError), tenant_lock(warehouse, "free", "two", wait_seconds=0):
        raise ZeroDivisionError
    with tenant_lock(warehouse, "free", "three", wait_seconds=0):
        pass


def test_other_tenants_and_warehouses_do_not_wait(warehouse: Database, new_warehouse) -> None:
    with (
        tenant_lock(warehouse, "one", "a", wait_seconds=0),
        tenant_lock(warehouse, "two", "b", wait_seconds=0),
        tenant_lock(new_warehouse(), "one", "c", wait_seconds=0),
    ):
        pass


def test_the_message_names_the_holder_in_this_warehouse(warehouse: Database, new_warehouse) -> None:
    with (
        tenant_lock(new_warehouse(), "named", "elsewhere", wait_seconds=0),
        tenant_lock(warehouse, "named", "here", wait_seconds=0),
        pytest.raises(TenantBusy, match=r"\(here\)"),
        tenant_lock(warehouse, "named", "third", wait_seconds=0),
    ):
        pass


def test_a_second_sync_waits_until_the_first_ends_and_says_so(
    warehouse: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    order: list[str] = []
    is_held = threading.Event()

    def first() -> None:
        with tenant_lock(warehouse, "waiting", "first", wait_seconds=0):
            is_held.set()
            wait_for("the second to say that it waits", lambda: bool(caplog.records))
            order.append("first ends")

    thread = threading.Thread(target=first)
    thread.start()
    assert is_held.wait(PATIENCE_SECONDS)
    with caplog.at_level(logging.WARNING), tenant_lock(warehouse, "waiting", "second", wait_seconds=PATIENCE_SECONDS):
        order.append("second begins")
    thread.join()
    assert order == ["first ends", "second begins"]
    assert [r.message for r in caplog.records if "first" in r.message and "waiting" in r.message]
    assert len(caplog.records) == 1


def test_the_lock_ends_with_the_connection_of_its_holder(warehouse: Database, control: psycopg.Connection) -> None:
    with tenant_lock(warehouse, "gone", "killed", wait_seconds=0):
        control.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%gone%'")
        with tenant_lock(warehouse, "gone", "next", wait_seconds=PATIENCE_SECONDS):
            pass
