"""Which syncs stay, rule by rule. That nobody who looks at the past is told anything else is proved beside the moving
(test_history_retention.py)."""

from __future__ import annotations

from datetime import datetime

import pytest

from st_pipeline.history import recorder
from st_pipeline.history import removable_syncs as module
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.history.removable_syncs import find_removable_syncs, find_tenants_with_old_syncs
from tests.support.past import DAY, HOUR, NOW, Past, read

JOBS = "jpm_jobs"


@pytest.fixture(autouse=True)
def only_the_newest(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind the newest sync, so that every other reason to stay shows."""
    monkeypatch.setattr(module, "MOST_FAILURES", 1)
    past.tenant()


def ago(days: float) -> datetime:
    return NOW - days * DAY


def kept(past: Past, among: dict[str, int], *, running: int | None = None) -> set[str]:
    gone = find_removable_syncs(past.connection, "acme", NOW - HOUR, 1000, running)
    assert set(gone) <= set(among.values())
    return {name for name, sync_id in among.items() if sync_id not in gone}


def test_of_syncs_that_are_all_alike_the_first_and_the_last_stay(past: Past) -> None:
    syncs = {f"{days}": past.sync(ago(days), entities=[read()]) for days in range(9, 0, -1)}
    assert kept(past, syncs) == {"9", "1"}


def test_the_last_failures_stay_and_the_first_since_the_last_success(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_FAILURES", 3)
    syncs = {"first reading": past.sync(ago(20), entities=[read()])}
    syncs["forgiven"] = past.sync(ago(19), error="no")
    syncs["success"] = past.sync(ago(18), entities=[read()])
    syncs |= {f"{days}": past.sync(ago(days), error="no") for days in range(17, 7, -1)}
    assert kept(past, syncs) == {"first reading", "success", "17", "10", "9", "8"}


def test_the_last_success_stays_also_one_that_read_nothing(past: Past) -> None:
    syncs = {"success": past.sync(ago(9), entities=[EntityRecord(JOBS, "not_granted")])}
    syncs["refused again"] = past.sync(ago(8), error="no", entities=[EntityRecord(JOBS, "not_granted")])
    syncs |= {f"{days}": past.sync(ago(days), error="no") for days in (7, 6, 5)}
    past.sync(ago(10), entities=[EntityRecord(JOBS, "not_granted")])
    assert kept(past, syncs) == {"success", "refused again", "5"}


def test_the_last_that_ended_stays_though_others_were_killed_since(past: Past) -> None:
    past.sync(ago(20), entities=[read()])
    syncs = {f"{days}": past.sync(ago(days), error="no") for days in (12, 11, 10)}
    syncs |= {
        f"killed {days}": recorder.record_start(past.connection, "acme", None, ago(days), full=False) for days in (9, 8)
    }
    assert kept(past, syncs) == {"12", "10", "killed 8"}


def test_syncs_of_a_part_are_kept_apart_and_take_no_place_of_others(past: Past) -> None:
    syncs = {"failed": past.sync(ago(9), error="no")}
    syncs |= {f"part {days}": past.sync(ago(days), partial=True, error="no") for days in (8, 7, 6)}
    assert kept(past, syncs) == {"failed", "part 6"}


def test_an_entity_keeps_its_last_reading_though_others_were_read_since(past: Past) -> None:
    syncs = {"both": past.sync(ago(9), entities=[read(), read(JOBS)])}
    syncs["jobs"] = past.sync(ago(8), entities=[read(), read(JOBS, api_total=500)])
    syncs |= {f"{days}": past.sync(ago(days), entities=[read()]) for days in (7, 6, 5)}
    assert kept(past, syncs) == {"both", "jobs", "5"}


def test_an_entity_keeps_how_its_last_reading_ended_and_when_it_last_went_well(past: Past) -> None:
    syncs = {"first": past.sync(ago(12), entities=[read(), read(JOBS)])}
    syncs["well"] = past.sync(ago(11), entities=[read(), read(JOBS)])
    syncs["broke off"] = past.sync(ago(10), entities=[read(), EntityRecord(JOBS, "failed", fetched=3, pages=2)])
    syncs["no answer"] = past.sync(ago(9), entities=[read(), EntityRecord(JOBS, "failed")])
    past.connection.execute("delete from control.landed_files where entity = 'jpm_jobs'")
    syncs |= {f"{days}": past.sync(ago(days), entities=[read()]) for days in (8, 7)}
    assert kept(past, syncs) == {"first", "well", "broke off", "no answer", "7"}


def test_a_scope_that_was_withdrawn_keeps_the_last_reading_and_the_first_refusal(past: Past) -> None:
    lost = EntityRecord(JOBS, "not_granted")
    syncs = {"first": past.sync(ago(12), entities=[read(), read(JOBS)])}
    syncs["refused before"] = past.sync(ago(11), entities=[read(), lost])
    syncs["read"] = past.sync(ago(10), entities=[read(), read(JOBS)])
    syncs |= {f"{days}": past.sync(ago(days), entities=[read(), lost]) for days in range(9, 0, -1)}
    assert kept(past, syncs) == {"first", "read", "9", "1"}


def test_a_silence_keeps_the_landing_before_it_where_it_began_and_where_it_is(past: Past) -> None:
    silent = read(fetched=0)
    syncs = {"first": past.sync(ago(12), entities=[read()])}
    syncs["landed"] = past.sync(ago(11), entities=[read()])
    syncs |= {f"{days}": past.sync(ago(days), entities=[silent], full=days in (6, 5)) for days in range(9, 2, -1)}
    syncs["jobs only"] = past.sync(ago(2), entities=[read(JOBS)])
    assert kept(past, syncs) == {"first", "landed", "9", "6", "5", "3", "jobs only"}


def test_the_last_full_reading_stays(past: Past) -> None:
    syncs = {f"{days}": past.sync(ago(days), entities=[read()], full=days in (7, 6)) for days in range(9, 0, -1)}
    assert kept(past, syncs) == {"9", "6", "1"}


def test_what_runs_stays_and_what_was_killed_goes_unless_somebody_waits_for_it(past: Past) -> None:
    names = ("runs", "killed", "asked for", "killed last")
    syncs = {
        name: recorder.record_start(past.connection, "acme", None, ago(9) + n * HOUR, full=False)
        for n, name in enumerate(names)
    }
    past.connection.execute(
        """
        insert into control.sync_requests (tenant, requested_by, requested_at, served_at, sync_id, attempts)
        values ('acme', 'ann', %s, %s, %s, 1)
        """,
        (ago(10), ago(9), syncs["asked for"]),
    )
    past.sync(ago(1), partial=True)
    assert kept(past, syncs | {"part": 0}, running=syncs["runs"]) == {"runs", "asked for", "killed last", "part"}
    past.connection.execute("delete from control.sync_requests")


def test_the_oldest_go_first_and_no_more_than_asked(past: Past) -> None:
    past.tenant("bolt")
    ids = [past.sync(ago(days), entities=[read()]) for days in range(9, 0, -1)]
    past.sync(ago(9), "bolt")
    assert find_removable_syncs(past.connection, "acme", NOW, 3, None) == ids[1:4]
    assert find_removable_syncs(past.connection, "acme", ago(6), 100, None) == ids[1:3]
    assert find_tenants_with_old_syncs(past.connection, ago(8.5)) == ["acme", "bolt"]
    assert find_tenants_with_old_syncs(past.connection, ago(9.5)) == []
