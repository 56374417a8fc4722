"""recent_syncs.py: the last syncs of each tenant, oldest first, no more than a chart shows."""

from __future__ import annotations

from st_pipeline.history import recorder
from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.recent_syncs import RECENT, read_recent_syncs
from tests.support.past import DAY, HOUR, LAST_NIGHT, NOW, Past, read


def test_the_newest_syncs_of_a_tenant_come_oldest_first(past: Past) -> None:
    past.tenant()
    past.nights(RECENT + 3)
    past.sync(NOW - HOUR, error="no", entities=[read(fetched=7)], seconds=42, partial=True)
    recent = read_recent_syncs(past.connection, (), None)["acme"]
    nights = [LAST_NIGHT - n * DAY for n in range(RECENT - 2, -1, -1)]
    assert [sync.started_at for sync in recent] == [*nights, NOW - HOUR]
    newest = recent[-1]
    assert (newest.state, newest.is_partial, newest.seconds, newest.loaded) == (SyncState.FAILED, True, 42.0, 7)
    assert {(sync.state, sync.seconds, sync.loaded) for sync in recent[:-1]} == {(SyncState.SUCCEEDED, 300.0, 100)}


def test_a_sync_without_an_end_runs_or_was_interrupted(past: Past) -> None:
    past.tenant()
    killed, now = (recorder.record_start(past.connection, "acme", None, NOW - n * HOUR, full=False) for n in (2, 1))
    recent = read_recent_syncs(past.connection, (now,), "acme")["acme"]
    assert [(sync.id, sync.state, sync.seconds) for sync in recent] == [
        (killed, SyncState.INTERRUPTED, None),
        (now, SyncState.RUNNING, None),
    ]


def test_only_the_tenant_that_was_asked_for_is_read(past: Past) -> None:
    for key in ("acme", "bolt"):
        past.tenant(key)
        past.sync(NOW - HOUR, key)
    assert set(read_recent_syncs(past.connection, (), "bolt")) == {"bolt"}
