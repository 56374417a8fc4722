"""Sync requests: served once, and served again if the sync that served them was killed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.history import recorder
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.postgres import Database
from st_pipeline.schedule import sync_requests
from st_pipeline.schedule.sync_requests import MOST_ATTEMPTS, SyncRequest
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.model import new_tenant

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def tenants(control: psycopg.Connection) -> None:
    for table in ("syncs", "sync_requests", "tenants"):
        control.execute(f"truncate control.{table} cascade")  # pyright: ignore
    for number, key in enumerate(("acme", "bolt"), 1):
        tenant_table.insert(control, new_tenant(key=key, tenant_id=number, environment="sandbox"))


def open_(control: psycopg.Connection, tenant: str | None = None) -> list[tuple[str, str]]:
    return [(request.tenant, request.requested_by) for request in sync_requests.read_open_requests(control, tenant)]


def begin(
    control: psycopg.Connection, tenant: str, *, full: bool = False, entities: Sequence[str] | None = None
) -> int:
    sync_id = recorder.record_start(control, tenant, None, NOW, full=full, partial=entities is not None)
    asked = sync_requests.read_open_requests(control, tenant)
    sync_requests.mark_served(control, asked, sync_id, NOW, entities=entities, full=full)
    return sync_id


def end(control: psycopg.Connection, sync_id: int, tenant: str, error: str | None = None) -> None:
    recorder.record_finish(control, sync_id, tenant, NOW + MINUTE, error=error, entities=[], calls=[])


def test_a_request_is_open_until_a_sync_for_it_starts(control: psycopg.Connection) -> None:
    sync_requests.request_sync(control, "acme", "ada", NOW)
    sync_requests.request_sync(control, "bolt", "bob", NOW)
    assert open_(control) == [("acme", "ada"), ("bolt", "bob")]
    assert open_(control, "bolt") == [("bolt", "bob")]
    end(control, begin(control, "acme"), "acme")
    assert open_(control) == [("bolt", "bob")]


def test_repeating_a_request_before_it_starts_adds_none(control: psycopg.Connection) -> None:
    first = sync_requests.request_sync(control, "acme", "ada", NOW, entities=["b", "a"])
    assert sync_requests.request_sync(control, "acme", "bob", NOW, entities=["a", "b", "a"]) == first
    assert sync_requests.request_sync(control, "acme", "bob", NOW, entities=["a"]) != first
    assert sync_requests.request_sync(control, "acme", "bob", NOW, full=True) != first
    end(control, begin(control, "acme", full=True), "acme")
    assert sync_requests.request_sync(control, "acme", "bob", NOW, entities=["a", "b"]) != first


def test_a_failed_sync_has_served_the_request_and_a_killed_one_has_not(
    control: psycopg.Connection, warehouse: Database
) -> None:
    sync_requests.request_sync(control, "acme", "ada", NOW)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        begin(control, "acme")
        assert open_(control) == [], "it runs"
    assert open_(control) == [("acme", "ada")], "its process is gone"
    end(control, begin(control, "acme"), "acme", error="no answer")
    assert open_(control) == [], "retries are up to the cadence"


def test_a_request_whose_syncs_are_always_killed_is_dropped(control: psycopg.Connection) -> None:
    sync_requests.request_sync(control, "acme", "ada", NOW)
    for _ in range(MOST_ATTEMPTS):
        assert open_(control) == [("acme", "ada")]
        begin(control, "acme")
    assert open_(control) == []


def test_requests_for_a_disabled_or_unknown_tenant_are_ignored(control: psycopg.Connection) -> None:
    sync_requests.request_sync(control, "acme", "ada", NOW)
    sync_requests.request_sync(control, "gone", "ada", NOW)
    control.execute("update control.tenants set enabled = false where key = 'acme'")
    assert open_(control) == []
    control.execute("update control.tenants set enabled = true where key = 'acme'")
    assert open_(control) == [("acme", "ada")]


ENTITIES = st.none() | st.lists(st.sampled_from("abcd"), unique=True)


@given(ENTITIES, st.booleans(), ENTITIES, st.booleans())
def test_a_sync_covers_requests_for_what_it_reads(
    asked: list[str] | None, asked_full: bool, done: list[str] | None, done_full: bool
) -> None:
    request = SyncRequest(1, "acme", "ada", NOW, asked_full, asked)
    everything = set("abcd")
    reads = everything if done is None else set(done)
    wants = everything if asked is None else set(asked)
    # All entities means all future ones too, not just the current four.
    expected = wants <= reads and (asked is not None or done is None) and (done_full or not asked_full)
    assert request.is_covered(done, full=done_full) == expected
