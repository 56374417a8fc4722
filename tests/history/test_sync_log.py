"""What a finished sync left, and what a running sync has done so far."""

from __future__ import annotations

from datetime import timedelta

from st_pipeline.history import recorder
from st_pipeline.history.sync_log import MOST_FILES, Progress, Request, read_log, read_progress
from st_pipeline.history.syncs import read_sync
from st_pipeline.landing.typer import Problem
from st_pipeline.schedule import sync_requests
from tests.support.past import CUSTOMERS, HOUR, NOW, Past, read

SECOND = timedelta(seconds=1)


def test_the_log_has_files_and_drift_during_the_sync_and_its_requester(past: Past) -> None:
    past.tenant()
    past.tenant("bolt")
    past.sync(NOW - HOUR, entities=[read(fetched=3)])
    sync_id = past.sync(NOW, entities=[read(fetched=7)])
    past.land(NOW + 2 * SECOND, entity="jpm_jobs", records=9, loaded=False, new_fields=["b", "a"],
              notes=[Problem(0, None, None, "no id", "{}")])  # fmt: skip
    past.land(NOW + SECOND, "bolt", records=99)
    past.sync(NOW + HOUR, entities=[read(fetched=5)])
    sync_requests.request_sync(past.connection, "acme", "ann", NOW - SECOND)
    asked = sync_requests.read_open_requests(past.connection, "acme")
    sync_requests.mark_served(past.connection, asked, sync_id, NOW, entities=None, full=False)
    detail = read_sync(past.connection, sync_id)
    assert detail
    told = read_log(past.connection, detail.sync, NOW + HOUR)
    assert told.requests == [Request("ann", NOW - SECOND)]
    assert [(one.entity, one.landed_at, one.records, one.quarantined_whole, one.loaded_rows) for one in told.files] == [
        (CUSTOMERS, NOW + SECOND, 7, 0, 7), ("jpm_jobs", NOW + 2 * SECOND, 9, 1, None)
    ]  # fmt: skip
    assert [(one.entity, one.kind, one.fields) for one in told.drift] == [("jpm_jobs", "new", ["a", "b"])]
    assert told.more_files == 0


def test_a_sync_of_very_many_files_says_how_many_are_left_out(past: Past) -> None:
    past.tenant()
    sync_id = past.sync(NOW)
    past.connection.execute(
        """
        insert into control.landed_files
            (tenant, entity, batch, n, path, records, quarantined_whole, pages, bytes, fingerprint, landed_at)
        select 'acme', 'jpm_jobs', 'b', n, 'p' || n, 1, 0, 1, 1, 'x', %s from generate_series(0, %s) n
        """,
        (NOW + SECOND, MOST_FILES + 2),
    )
    detail = read_sync(past.connection, sync_id)
    assert detail
    told = read_log(past.connection, detail.sync, NOW + HOUR)
    assert (len(told.files), told.more_files) == (MOST_FILES, 3)


def test_progress_has_what_landed_and_loaded_since_the_sync_started(past: Past) -> None:
    past.tenant()
    past.tenant("bolt")
    past.sync(NOW - HOUR, entities=[read(fetched=3)])
    recorder.record_start(past.connection, "acme", None, NOW, full=True)
    past.land(NOW + SECOND, records=40)
    past.land(NOW + 2 * SECOND, records=60, loaded=False)
    past.land(NOW + SECOND, "bolt", records=7)
    assert read_progress(past.connection, "acme", NOW) == [Progress(CUSTOMERS, 100, 40, 2)]
    assert read_progress(past.connection, "acme", NOW + HOUR) == []
