from __future__ import annotations

from datetime import UTC, datetime

from st_pipeline.history import history
from st_pipeline.history.sync_days import SyncDay, read_days
from st_pipeline.landing.lock import tenant_lock
from st_pipeline.postgres import Database
from tests.support.past import HOUR, MINUTE, NOW, Past, read

TODAY = NOW.date()


def test_a_day_adds_up_what_started_on_it(past: Past) -> None:
    past.tenant("acme")
    past.tenant("bolt")
    entities = [read("crm_customers", 10, quarantined_whole=1, quarantined_fields=2, deleted=3, bytes=50)]
    past.sync(NOW, entities=entities, seconds=60)
    past.sync(NOW - HOUR, error="no", seconds=30)
    past.sync(NOW - HOUR, partial=True, entities=[read("crm_customers", 4)], seconds=5)
    history.start(past.connection, "acme", None, NOW - 2 * HOUR, full=False)
    past.sync(NOW, "bolt", seconds=1)
    whole = SyncDay(TODAY, "acme", False, 3, 1, 1, 1, 90.0, 10, 10, 1, 2, 3, 1, 50)
    part = SyncDay(TODAY, "acme", True, 1, 1, 0, 0, 5.0, 4, 4, 0, 0, 0, 1, 0)
    bolt = SyncDay(TODAY, "bolt", False, 1, 1, 0, 0, 1.0, 0, 0, 0, 0, 0, 0, 0)
    assert read_days(past.connection, TODAY, TODAY) == [whole, part, bolt]
    assert read_days(past.connection, TODAY, TODAY, tenant="bolt") == [bolt]


def test_a_day_is_one_in_utc_wherever_the_connection_is(past: Past) -> None:
    past.tenant()
    evening = datetime(2026, 6, 9, 23, 50, tzinfo=UTC)
    past.sync(evening, seconds=3600)
    past.connection.execute("set timezone to 'America/Los_Angeles'")
    (day,) = read_days(past.connection, evening.date(), TODAY)
    past.connection.execute("reset timezone")
    assert (day.day, day.syncs) == (evening.date(), 1)


def test_what_runs_is_no_part_of_a_day_yet(past: Past, warehouse: Database) -> None:
    past.tenant()
    history.start(past.connection, "acme", None, NOW - HOUR, full=False)
    history.start(past.connection, "acme", None, NOW - MINUTE, full=False)
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        (day,) = read_days(past.connection, TODAY, TODAY)
    assert (day.syncs, day.interrupted) == (1, 1)
