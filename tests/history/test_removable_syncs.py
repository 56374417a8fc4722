"""Which syncs stay, rule by rule. test_retention.py verifies that readers of the history are unaffected."""

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
    """Keep the newest sync of each kind, so that every other reason to keep one shows."""
    monkeypatch.setattr(module, "MOST_FAILURES", 1)
    past.tenant()


def ago(days: float) -> datetime:
    return NOW - days * DAY


def kept(past: Past, among: dict[str, int], *, running: int | None = None) -> set[str]:
    gone = find_removable_syncs(past.connection, "acme", NOW - HOUR, 1000, running)
    assert set(gone) <= set(among.values())
    return {name for name, sync_id in among.items() if sync_id not in gone}


def test_the_first_and_last_of_identical_syncs_stay(past: Past) -> None:
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


def test_the_last_success_stays_even_if_it_read_nothing(past: Past) -> None:
    syncs = {"success": past.sync(ago(9), entities=[EntityRecord(JOBS, "not_granted")])}
    syncs["refused again"] = past.sync(ago(8), error="no", entities=[EntityRecord(JOBS, "not_granted")])
    syncs |= {f"{days}": past.sync(ago(days), error="no") for days in (7, 6, 5)}
    past.sync(ago(10), entities=[EntityRecord(JOBS, "not_granted")])
    assert kept(past, syncs) == {"success", "refused again", "5"}


def test_the_last_sync_that_ended_stays_even_if_later_ones_were_killed(past: Past) -> None:
    past.sync(ago(20), entities=[read()])
    syncs = {f"{days}": past.sync(ago(days), error="no") for days in (12, 11, 10)}
    syncs |= {
        f"killed {days}": recorder.record_start(past.connection, "acme", None, ago(days), full=False) for days in (9, 8)
    }
    assert kept(past, syncs) == {"12", "10", "killed 8"}


def test_partial_syncs_are_kept_separately_from_full_ones(past: Past) -> None:
    syncs = {"failed": past.sync(ago(9), error="no")}
    syncs |= {f"part {days}": past.sync(ago(days), partial=True, error="no") for days in (8, 7, 6)}
    assert kept(past, syncs) == {"failed", "part 6"}


def test_an_entity_keeps_its_last_read_even_if_others_were_read_since(past: Past) -> None:
    syncs = {"both": past.sync(ago(9), entities=[read(), read(JOBS)])}
    syncs["jobs"] = past.sync(ago(8), entities=[read(), read(JOBS, api_total=500)])
    syncs |= {f"{days}": past.sync(ago(days), entities=[read()]) for days in (7, 6, 5)}
    assert kept(past, syncs) == {"both", "jobs", "5"}


def test_an_entity_keeps_the_outcome_of_its_last_read_and_its_last_success(past: Past) -> None:
    syncs = {"first": past.sync(ago(12), entities=[read(), read(JOBS)])}
    syncs["well"] = past.sync(ago(11), entities=[read(), read(JOBS)])
    syncs["broke off"] = past.sync(ago(10), entities=[read(), EntityRecord(JOBS, "failed", fetched=3, pages=2)])
    syncs["no answer"] = past.sync(ago(9), entities=[read(), EntityRecord(JOBS, "failed")])
    past.connection.execute("delete from control.landed_files where entity = 'jpm_jobs'")
    syncs |= {f"{days}": past.sync(ago(days), entities=[read()]) for days in (8, 7)}
    assert kept(past, syncs) == {"first", "well", "broke off", "no answer", "7"}


def test_a_revoked_scope_keeps_the_last_read_and_the_first_rejection(past: Past) -> None:
    lost = EntityRecord(JOBS, "not_granted")
    syncs = {"first": past.sync(ago(12), entities=[read(), read(JOBS)])}
    syncs["refused before"] = past.sync(ago(11), entities=[read(), lost])
    syncs["read"] = past.sync(ago(10), entities=[read(), read(JOBS)])
    syncs |= {f"{days}": past.sync(ago(days), entities=[read(), lost]) for days in range(9, 0, -1)}
    assert kept(past, syncs) == {"first", "read", "9", "1"}


def test_empty_reads_keep_the_landing_before_the_first_and_the_last_of_them(past: Past) -> None:
    silent = read(fetched=0)
    syncs = {"first": past.sync(ago(12), entities=[read()])}
    syncs["landed"] = past.sync(ago(11), entities=[read()])
    syncs |= {f"{days}": past.sync(ago(days), entities=[silent], full=days in (6, 5)) for days in range(9, 2, -1)}
    syncs["jobs only"] = past.sync(ago(2), entities=[read(JOBS)])
    assert kept(past, syncs) == {"first", "landed", "9", "6", "5", "3", "jobs only"}


def test_the_last_full_read_stays(past: Past) -> None:
    syncs = {f"{days}": past.sync(ago(days), entities=[read()], full=days in (7, 6)) for days in range(9, 0, -1)}
    assert kept(past, syncs) == {"9", "6", "1"}


def test_a_running_sync_stays_and_a_killed_one_is_removed_unless_it_was_requested(past: Past) -> None:
    names = ("runs", "killed", "requested", "killed last")
    syncs = {
        name: recorder.record_start(past.connection, "acme", None, ago(9) + n * HOUR, full=False)
        for n, name in enumerate(names)
    }
    past.connection.execute(
        """
        insert into control.sync_requests (tenant, requested_by, requested_at, served_at, sync_id, attempts)
        values ('acme', 'ann', %s, %s, %s, 1)
        """,
        (ago(10), ago(9), syncs["requested"]),
    )
    past.sync(ago(1), partial=True)
    assert kept(past, syncs | {"part": 0}, running=syncs["runs"]) == {"runs", "requested", "killed last", "part"}
    past.connection.execute("delete from control.sync_requests")


def test_the_oldest_are_removed_first_up_to_the_limit(past: Past) -> None:
    past.tenant("bolt")
    ids = [past.sync(ago(days), entities=[read()]) for days in range(9, 0, -1)]
    past.sync(ago(9), "bolt")
    assert find_removable_syncs(past.connection, "acme", NOW, 3, None) == ids[1:4]
    assert find_removable_syncs(past.connection, "acme", ago(6), 100, None) == ids[1:3]
    assert find_tenants_with_old_syncs(past.connection, ago(8.5)) == ["acme", "bolt"]
    assert find_tenants_with_old_syncs(past.connection, ago(9.5)) == []
