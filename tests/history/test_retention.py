"""Retention keeps the totals of every day and everything that other code looks up, and survives being killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline import postgres
from st_pipeline.alerting import deliveries, incident_table
from st_pipeline.alerting.incidents import Closed, Reconciled
from st_pipeline.history import recorder, removable_syncs, retention
from st_pipeline.history.api_usage import Part, read_usage
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.history.retention import RolledUp, forget_incidents, roll_up
from st_pipeline.history.syncs import read_last_syncs, read_running_syncs
from st_pipeline.overview.overview import read_overview
from st_pipeline.overview.recent_syncs import RECENT
from st_pipeline.postgres import Database
from st_pipeline.rules.all_rules import find_all
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import read_tenant_facts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.schedule import tenant_states
from tests.support.past import DAY, HOUR, NOW, Past, calls, read

JOBS = "jpm_jobs"
LONG_AGO = date(2020, 1, 1)
MOST = 5

Event = tuple[int, str, bool]
"""How many days before NOW, what happened, and whether the history is rolled up afterwards."""


@contextmanager
def few_failures() -> Iterator[None]:
    """Count at most MOST failures of a tenant, so that short histories have something to lose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removable_syncs, "MOST_FAILURES", MOST)
        patch.setattr(tenant_states, "MOST_FAILURES", MOST)
        yield


@pytest.fixture(autouse=True)
def forget_days(past: Past) -> None:
    past.connection.execute("truncate control.sync_days, control.api_usage_days, control.sync_requests")


def happen(past: Past, days: int, kind: str) -> None:
    at = NOW - days * DAY - HOUR
    if kind == "well":
        past.sync(at, entities=[read(), read(JOBS, 7)], called=[calls(40), calls(2, status=429)])
    elif kind == "full":
        past.sync(at, full=True, entities=[read(fetched=60), read(JOBS, 9)], called=[calls(40)])
    elif kind == "quiet":
        past.sync(at, entities=[read(fetched=0), read(JOBS, 0, api_total=3)], called=[calls(2)])
    elif kind == "full and quiet":
        past.sync(at, full=True, entities=[read(fetched=0), read(JOBS, 0)], called=[calls(2)])
    elif kind == "failed":
        past.sync(at, error="acme: no answer", called=[calls(3, status=503)])
    elif kind == "entity failed":
        broken = EntityRecord(JOBS, "failed", detail="acme/jpm_jobs: no (trace abc)")
        past.sync(at, error="acme/jpm_jobs: no (trace abc)", entities=[read(), broken], called=[calls(40)])
    elif kind == "not granted":
        past.sync(at, entities=[read(), EntityRecord(JOBS, "not_granted")], called=[calls(40)])
    elif kind == "nothing granted":
        past.sync(at, entities=[EntityRecord(JOBS, "not_granted")], called=[calls(1)])
    elif kind == "killed":
        recorder.record_start(past.connection, "acme", None, at, full=False)
    elif kind == "reload":
        past.sync(at, partial=True, entities=[EntityRecord(JOBS, "succeeded", loaded=9)])
    elif kind == "part":
        past.sync(at, partial=True, entities=[read(JOBS, 2)], called=[calls(1)])
    elif kind == "new field":
        past.land(at, new_fields=["surprise"])
    else:
        raise AssertionError(kind)


KINDS = [
    "well", "full", "quiet", "full and quiet", "failed", "entity failed", "not granted", "killed", "reload", "part",
    "new field", "nothing granted", *["failed"] * 6,
]  # fmt: skip
EVENTS = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(KINDS), st.booleans()), max_size=25)


def read_days(connection: psycopg.Connection[Any]) -> list[Any]:
    """Sums per day, tenant and kind, of the syncs in the history plus the rolled-up ones."""
    return connection.execute(
        """
        with days as (
            select * from control.sync_days
            union all
            select (started_at at time zone 'UTC')::date, tenant, is_partial, 1,
                (outcome is not distinct from 'succeeded')::int, (outcome is not distinct from 'failed')::int,
                (outcome is null)::int, coalesce(extract(epoch from finished_at - started_at), 0), fetched, loaded,
                quarantined_whole, quarantined_fields, deleted, pages, bytes
            from control.syncs
            where id <> all(%s)
        )
        select day, tenant, is_partial, sum(syncs), sum(succeeded), sum(failed), sum(interrupted),
            round(sum(seconds)::numeric, 6), sum(fetched), sum(loaded), sum(quarantined_whole),
            sum(quarantined_fields), sum(deleted), sum(pages), sum(bytes)
        from days group by day, tenant, is_partial order by day, tenant, is_partial
        """,
        [list(read_running_syncs(connection).values())],
    ).fetchall()


def totals(past: Past) -> list[Any]:
    """Sums of every day, rounded if they aren't whole numbers."""
    days = read_days(past.connection)
    usage = read_usage(past.connection, LONG_AGO, NOW.date())
    return [
        days,
        [(u.day, u.operation, u.calls, u.failed, u.refused, u.retries, u.bytes, round(u.seconds, 6), u.buckets,
          u.slowest) for u in usage],
    ]  # fmt: skip


def looked_for(past: Past) -> list[Any]:
    """What rules, schedule and overview read from the past; the number of failures in a row may be too low."""
    rules = Rules()
    watched = read_tenant_facts(past.connection)
    findings = find_all(past.connection, watched, rules, NOW, compute_stale_at(rules))
    (shown,) = read_overview(past.connection, NOW).tenants
    return [
        [(f.key, f.since, "" if f.rule == "failures_in_a_row" else f.what) for f in findings],
        tenant_states.read_states(past.connection),
        [shown.last, shown.last_success_at, shown.next_sync, shown.is_queued, shown.fresh_until, shown.stale_since],
        [(one.started_at, one.state, one.loaded) for one in shown.recent[-MOST:]],
    ]


@settings(max_examples=15)
@given(events=EVENTS, keep_days=st.integers(1, 60), batch=st.integers(1, 4))
def test_a_rolled_up_history_reads_the_same_as_a_complete_one(
    past: Past, events: list[Event], keep_days: int, batch: int
) -> None:
    told: list[Any] = []
    for is_rolled_up in (False, True):
        past.forget()
        past.connection.execute("truncate control.sync_days, control.api_usage_days")
        past.tenant(since=NOW - 300 * DAY)
        with few_failures():
            for days, kind, rolls_up in sorted(events, key=lambda event: -event[0]):
                happen(past, days, kind)
                if is_rolled_up and rolls_up:
                    roll_up(past.connection, NOW - days * DAY, keep_days, batch=batch)
            before = totals(past)
            if is_rolled_up:
                roll_up(past.connection, NOW, keep_days, batch=batch)
                assert roll_up(past.connection, NOW, keep_days) == RolledUp()
            assert totals(past) == before
            told.append([before, looked_for(past)])
    assert told[0] == told[1]


def test_old_syncs_become_daily_totals_with_their_details(past: Past) -> None:
    past.tenant()
    for n in range(100):
        happen(past, 200 - n, "well")
    for hours in range(100, -1, -1):
        past.sync(NOW - hours * HOUR)
    before = totals(past)
    moved = roll_up(past.connection, NOW, 90)
    assert moved.tenants == 1
    assert 0 < moved.syncs <= 100
    left = past.connection.execute(
        """
        select (select count(*) from control.syncs), (select count(*) from control.sync_entities),
            (select count(*) from control.api_calls), (select sum(syncs) from control.sync_days)
        """
    ).fetchone()
    kept = 100 - moved.syncs
    assert kept < 10
    assert left == (201 - moved.syncs, 2 * kept, 2 * kept, moved.syncs)
    assert totals(past) == before


def test_newer_syncs_stay(past: Past) -> None:
    past.tenant()
    with few_failures():
        for _ in range(20):
            past.sync(NOW - 30 * DAY, called=[calls(1)])
        assert roll_up(past.connection, NOW, 30) == RolledUp()
        assert roll_up(past.connection, NOW + timedelta(seconds=1), 30).syncs > 0


def test_syncs_of_removed_tenants_are_rolled_up_too(past: Past) -> None:
    past.tenant()
    with few_failures():
        for _ in range(MOST + 5):
            past.sync(NOW - 30 * DAY, called=[calls(1)])
        past.connection.execute("delete from control.tenants")
        assert roll_up(past.connection, NOW, 7).tenants == 1
    (usage,) = read_usage(past.connection, LONG_AGO, NOW.date(), by=[Part.TENANT])
    assert (usage.tenant, usage.calls) == ("acme", MOST + 5)


def test_requests_are_deleted_with_the_syncs_that_served_them(past: Past) -> None:
    past.tenant()
    with few_failures():
        ids = [past.sync(NOW - 30 * DAY + n * HOUR) for n in range(20)]
        past.connection.execute(
            """
            insert into control.sync_requests (tenant, requested_by, requested_at, served_at, sync_id)
            select 'acme', 'ann', now(), now(), id from unnest(%s::bigint[]) id
            """,
            (ids,),
        )
        moved = roll_up(past.connection, NOW, 7).syncs
    left = past.connection.execute("select count(*), count(sync_id) from control.sync_requests").fetchone()
    assert left == (20 - moved, 20 - moved)


def test_killed_between_steps_it_has_moved_whole_batches_and_continues(
    past: Past, warehouse: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.tenant()
    for n in range(20):
        past.sync(NOW - 30 * DAY + n * HOUR, entities=[read()], called=[calls(3)])
    before = totals(past)
    batches = 0

    def killed_in_the_third(connection: psycopg.Connection[Any], syncs: list[int]) -> None:
        nonlocal batches
        batches += 1
        move(connection, syncs)
        if batches == 3:
            past.connection.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

    move = retention._move
    with few_failures(), monkeypatch.context() as patch:
        patch.setattr(retention, "_move", killed_in_the_third)
        with postgres.connect(warehouse, autocommit=True) as connection, pytest.raises(psycopg.OperationalError):
            roll_up(connection, NOW, 7, batch=3)
    assert past.connection.execute("select sum(syncs) from control.sync_days").fetchone() == (6,)
    assert totals(past) == before
    with few_failures():
        assert roll_up(past.connection, NOW, 7, batch=3).syncs > 3
    assert totals(past) == before


def test_rolling_up_never_shortens_the_list_of_recent_syncs(past: Past) -> None:
    assert RECENT <= removable_syncs.MOST_FAILURES
    past.tenant()
    for n in range(removable_syncs.MOST_FAILURES + 10):
        past.sync(NOW - 200 * DAY + n * HOUR)
    shown = read_last_syncs(past.connection, "acme", RECENT)
    assert roll_up(past.connection, NOW, 7).syncs > 0
    assert read_last_syncs(past.connection, "acme", RECENT) == shown


def an_incident(past: Past, subject: str, opened_days_ago: int, closed_days_ago: int | None) -> None:
    finding = Finding("stale", "acme", Severity.NOW, "old", NOW - opened_days_ago * DAY, (), subject=subject)
    incident_table.store(past.connection, Reconciled([finding], [], []), "http://d", NOW - opened_days_ago * DAY)
    if closed_days_ago is not None:
        opened = [one for one in incident_table.read_open_incidents(past.connection) if one.key == finding.key]
        closed = Reconciled([], [], [(opened[0], Closed.RECOVERED)])
        incident_table.store(past.connection, closed, "http://d", NOW - closed_days_ago * DAY)


def test_incidents_are_deleted_when_they_are_old_closed_and_sent(past: Past) -> None:
    past.tenant()
    an_incident(past, "open for long", 500, None)
    an_incident(past, "over lately", 500, 10)
    for n in range(5):
        an_incident(past, f"over for long {n}", 500, 400)
    incident_table.add_test(past.connection, NOW - 400 * DAY)
    assert forget_incidents(past.connection, NOW, 365) == 0, "an alert is still to be sent"
    waiting = deliveries.read_waiting(past.connection, "mail")
    deliveries.record_round(past.connection, "mail", [one.alert.id for one in waiting], delivered_at=NOW)
    deliveries.settle(past.connection, ["mail"], NOW)
    assert forget_incidents(past.connection, NOW, 365, batch=2) == 5
    assert forget_incidents(past.connection, NOW, 365) == 0
    left = past.connection.execute(
        """
        select array_agg(key order by key), (select count(*) from control.alerts),
            (select count(*) from control.deliveries)
        from control.incidents
        """
    ).fetchone()
    assert left
    assert [key.rpartition(" ")[2] for key in left[0]] == ["long", "lately"]
    assert left[1:] == (3, 3)


@pytest.mark.parametrize("keep_days", [0, -1])
def test_todays_history_cannot_be_removed(past: Past, keep_days: int) -> None:
    past.tenant()
    past.sync(NOW)
    for forget in (roll_up, forget_incidents):
        with pytest.raises(ValueError, match="at least 1 day"):
            forget(past.connection, NOW, keep_days)
