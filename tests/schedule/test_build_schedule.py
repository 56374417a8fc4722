"""When the reports are built: once after a wave, not while it is still loading, and after a wait if it never ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from st_pipeline.postgres import Database
from st_pipeline.schedule.build_schedule import (
    FIRST_PATIENCE,
    LONGEST_AGE,
    PATIENCE,
    QUIET,
    SOON,
    Loaded,
    find_build_reason,
    read_loaded,
    record_built,
)
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.model import new_tenant

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def loaded(oldest: timedelta, newest: timedelta, *, failures: int = 0, failed: timedelta | None = None) -> Loaded:
    """Loads so long ago that no build has them."""
    return Loaded(False, NOW - oldest, NOW - newest, None, failures, NOW - failed if failed is not None else None)


def built(ago: timedelta) -> Loaded:
    return Loaded(True, None, NOW - ago - HOUR, NOW - ago, 0, None)


def test_a_wave_is_built_when_no_sync_is_running_or_about_to_start() -> None:
    wave = loaded(4 * MINUTE, MINUTE)
    assert find_build_reason(wave, False, None, NOW)
    assert find_build_reason(wave, False, NOW + SOON + SECOND, NOW)
    assert not find_build_reason(wave, True, None, NOW)
    assert not find_build_reason(wave, False, NOW + SOON, NOW)
    assert not find_build_reason(wave, False, NOW - MINUTE, NOW), "one is due and not launched yet"
    assert not find_build_reason(loaded(4 * MINUTE, QUIET - SECOND), False, None, NOW), "the last load was a moment ago"
    assert find_build_reason(loaded(4 * MINUTE, QUIET), False, None, NOW)


def test_a_wave_that_does_not_end_is_not_waited_for() -> None:
    assert not find_build_reason(loaded(FIRST_PATIENCE - SECOND, SECOND), True, NOW, NOW)
    assert find_build_reason(loaded(FIRST_PATIENCE, SECOND), True, NOW, NOW)
    built_before = NOW - 2 * PATIENCE
    assert not find_build_reason(replace(loaded(PATIENCE - SECOND, SECOND), built_at=built_before), True, NOW, NOW)
    assert find_build_reason(replace(loaded(PATIENCE, SECOND), built_at=built_before), True, NOW, NOW)


def test_built_reports_are_rebuilt_once_a_day_and_never_without_any_load() -> None:
    assert not find_build_reason(built(LONGEST_AGE - SECOND), False, None, NOW)
    assert find_build_reason(built(LONGEST_AGE), False, None, NOW)
    assert not find_build_reason(Loaded(False, None, None, None, 0, None), False, None, NOW)


@pytest.mark.parametrize(("failures", "minutes"), [(1, 5), (2, 15), (3, 45), (4, 120), (9, 120)])
def test_a_failed_build_is_retried_after_growing_pauses(failures: int, minutes: int) -> None:
    pause = timedelta(minutes=minutes)
    assert not find_build_reason(loaded(HOUR, HOUR, failures=failures, failed=pause - SECOND), False, None, NOW)
    assert find_build_reason(loaded(HOUR, HOUR, failures=failures, failed=pause), False, None, NOW)


@given(st.lists(st.tuples(st.integers(0, 3600), st.integers(1, 120)), min_size=1, max_size=60))
@example([(0, 91), (300, 120)])  # the last load ends at the instant the build starts, and is included
def test_any_wave_is_built_after_its_last_load_and_at_most_as_often_as_patience_allows(
    syncs: list[tuple[int, int]],
) -> None:
    """Syncs of (start, length) in seconds; a check every half minute for two hours; a build takes a minute."""
    spans = [(NOW + start * SECOND, NOW + (start + length) * SECOND) for start, length in syncs]
    builds: list[datetime] = []
    for turn in range(240):
        now = NOW + turn * timedelta(seconds=30)
        ended = [end for _, end in spans if end <= now]
        fresh = [end for end in ended if not builds or end > builds[-1]]
        if not ended or (builds and now < builds[-1] + MINUTE):
            continue
        state = Loaded(not fresh, min(fresh, default=None), max(ended), builds[-1] if builds else None, 0, None)
        syncing = any(start <= now < end for start, end in spans)
        if find_build_reason(state, syncing, min((start for start, _ in spans if start > now), default=None), now):
            builds.append(now)
    assert builds
    assert builds[-1] >= max(end for _, end in spans)
    assert len(builds) <= 1 + (max(end for _, end in spans) - NOW) / min(PATIENCE, SOON)


def load(control: psycopg.Connection, entity: str, at: datetime) -> None:
    control.execute(
        "insert into control.raw_loads values ('acme', %s, %s) "
        "on conflict (tenant, entity) do update set changed_at = excluded.changed_at",
        (entity, at),
    )


def test_builds_know_what_was_loaded_when_they_started(control: psycopg.Connection, warehouse: Database) -> None:
    assert read_loaded(control) == Loaded(False, None, None, None, 0, None)
    load(control, "crm_customers", NOW - HOUR)
    with record_built(warehouse, "run-1", lambda: NOW):
        # Started before the build and committed while it runs: older than the build, but not in it.
        load(control, "jpm_jobs", NOW - 2 * HOUR)
    assert read_loaded(control) == Loaded(False, None, NOW - HOUR, NOW, 0, None)
    with record_built(warehouse, "run-2", lambda: NOW + MINUTE):
        pass
    assert read_loaded(control) == Loaded(True, None, NOW - HOUR, NOW + MINUTE, 0, None)
    with pytest.raises(ValueError, match="no such column"), record_built(warehouse, "run-3", lambda: NOW + HOUR):
        raise ValueError("no such column\nand more")
    assert read_loaded(control).failures == 1
    load(control, "jpm_jobs", NOW + 2 * HOUR)
    assert read_loaded(control) == Loaded(False, NOW + 2 * HOUR, NOW + 2 * HOUR, NOW + MINUTE, 1, NOW + HOUR)
    rows = control.execute("select run_id, outcome, error from control.builds order by id").fetchall()
    assert rows == [("run-1", "succeeded", None), ("run-2", "succeeded", None), ("run-3", "failed", "no such column")]


def test_an_interrupted_build_did_not_succeed(control: psycopg.Connection, warehouse: Database) -> None:
    """Raises what a step raises when its run is canceled."""

    def build() -> Generator[None]:
        with record_built(warehouse, "run-closed", lambda: NOW):
            yield

    building = build()
    next(building)
    building.close()
    row = control.execute("select outcome, error from control.builds where run_id = 'run-closed'").fetchone()
    assert row == ("failed", "the build was interrupted")


def test_a_changed_time_zone_makes_the_reports_due(control: psycopg.Connection, warehouse: Database) -> None:
    load(control, "crm_customers", NOW - HOUR)
    with record_built(warehouse, "run-1", lambda: NOW + 9 * HOUR):
        pass
    assert read_loaded(control).is_built
    tenant_table.insert(control, new_tenant(key="acme", tenant_id=1, environment="sandbox"))
    assert not read_loaded(control).is_built
