"""Old files are deleted if configured, but never files that are unloaded, unfinished, or needed to mark deletions."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest

from st_pipeline.landing.compaction import compact
from st_pipeline.landing.expiry import Expired, expire
from st_pipeline.landing.land import land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.rules.completeness import read_imbalances
from st_pipeline.rules.thresholds import Rules
from st_pipeline.servicetitan.errors import Unavailable

from .invoices import FEW, small
from .months import DAY, MARCH, Months
from .sources import Export, clock

MODIFIED = "2026-01-01T00:00:00Z"
LATER = MARCH + 100 * DAY


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def months(
    warehouse: Database, control: psycopg.Connection, zone: LandingZone, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> Months:
    # The entity with few columns stands in for the one in the catalog.
    monkeypatch.setattr("st_pipeline.landing.expiry.endpoint", lambda entity: FEW)
    months = Months(warehouse, control, zone, tenant)
    months.forget()
    return months


def run(months: Months, keep: timedelta = 30 * DAY, now: datetime = LATER) -> Expired:
    return expire(months.database, months.zone, now, keep)


def expired(months: Months) -> list[bool]:
    return [row["expired_at"] is not None for row in months.ledger()]


def test_old_files_are_deleted_and_the_ledger_keeps_their_counts(months: Months) -> None:
    months.sync(MARCH, [small(1, MODIFIED)])
    months.sync(LATER - 29 * DAY, [small(2, MODIFIED)])
    ledger, raw = months.ledger("expired_at"), months.raw()
    done = run(months)
    assert (done.files, done.rows, done.records, done.problems) == (1, 1, 1, [])
    assert expired(months) == [True, False]
    assert months.ledger("expired_at") == ledger
    assert months.on_disk == months.known == {ledger[1]["path"]}
    assert months.raw() == raw
    assert read_imbalances(months.connection, Rules(), LATER) == []
    assert run(months).rows == 0


def test_a_file_is_deleted_at_its_age_and_not_before(months: Months) -> None:
    months.sync(MARCH, [small(1, MODIFIED)])
    (landed_at,) = [row["landed_at"] for row in months.ledger()]
    assert run(months, 5 * DAY, landed_at + 5 * DAY).rows == 0
    assert run(months, 5 * DAY, landed_at + 5 * DAY + timedelta(microseconds=1)).rows == 1


def test_a_file_that_is_not_loaded_stays_however_old(months: Months) -> None:
    months.sync(MARCH, [small(1, MODIFIED)], loaded=False)
    assert run(months).rows == 0
    months.load()
    assert run(months).rows == 1


@pytest.mark.parametrize(
    "change",
    [
        "loaded_fingerprint = null",  # a reload was killed before it reached this file
        "loaded_fingerprint = 'of an older catalogue'",
        "loaded_rows = loaded_rows - 1",
    ],
)
def test_a_file_that_is_not_loaded_correctly_stays(months: Months, change: str) -> None:
    months.sync(MARCH, [small(1, MODIFIED), small(2, MODIFIED)])
    months.connection.execute(f"update control.landed_files set {change}")  # pyright: ignore
    assert run(months).rows == 0
    assert len(months.on_disk) == 1


def test_a_batch_that_has_not_ended_keeps_its_files(months: Months) -> None:
    feed = [small(n, MODIFIED) for n in range(9)]
    source = Export(feed, fails_at=6)
    with pytest.raises(Unavailable):
        land(source, months.zone, Ledger(months.connection), months.tenant, FEW, clock=clock(MARCH), file_bytes=1)
    months.load()
    assert run(months).rows == 0
    months.sync(MARCH + DAY, feed)
    assert run(months).rows == len(months.ledger()) == 3


def test_a_full_read_keeps_its_files_until_deletions_are_marked(months: Months) -> None:
    months.sync(MARCH, [small(1, MODIFIED), small(2, MODIFIED)])
    del months.feed[0]
    months.sync(MARCH + DAY, [], full=True, judged=False)
    run(months)
    assert expired(months) == [True, False]
    months.sync(MARCH + 2 * DAY, [])
    gone = months.connection.execute(
        'select id from raw."accounting_invoices" where tenant = %s and _deleted_at is not null', (months.tenant,)
    ).fetchall()
    assert gone == [(1,)]
    run(months)
    assert expired(months) == [True, True]


def test_a_combined_file_is_deleted_when_all_of_it_is_old_enough(months: Months) -> None:
    months.days(2)
    compact(months.database, months.zone, LATER, DAY)
    newest = max(row["landed_at"] for row in months.ledger())
    assert run(months, now=newest + 30 * DAY).rows == 0
    done = run(months, now=newest + 31 * DAY)
    assert (done.files, done.rows) == (1, len(months.ledger()))
    assert months.on_disk == set()


def test_a_tenant_that_is_being_synced_is_left_for_the_next_time(months: Months) -> None:
    months.sync(MARCH, [small(1, MODIFIED)])
    with tenant_lock(months.database, months.tenant, "a sync", wait_seconds=0):
        assert run(months).busy == [months.tenant]
    assert expired(months) == [False]


def test_killed_before_the_file_is_removed_the_next_run_removes_it(
    months: Months, monkeypatch: pytest.MonkeyPatch
) -> None:
    months.sync(MARCH, [small(1, MODIFIED)])

    def dies(*given: object) -> list[str]:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LandingZone, "sweep", dies)
        with pytest.raises(Killed):
            run(months)
    assert expired(months) == [True]
    assert len(months.on_disk) == 1
    months.load(again=False)
    run(months)
    assert months.on_disk == set()


def test_an_entity_that_left_the_catalogue_keeps_its_files(months: Months, monkeypatch: pytest.MonkeyPatch) -> None:
    months.sync(MARCH, [small(1, MODIFIED)])

    def unknown(entity: str) -> None:
        raise KeyError(entity)

    monkeypatch.setattr("st_pipeline.landing.expiry.endpoint", unknown)
    assert run(months).rows == 0
    assert len(months.on_disk) == 1


def test_after_expiry_a_sync_continues_from_its_cursor(months: Months) -> None:
    months.sync(MARCH, [small(1, MODIFIED)])
    run(months)
    months.sync(LATER, [small(2, MODIFIED)])
    assert [row[1] for row in months.raw()] == [1, 2]
    assert [row["records"] for row in months.ledger()] == [1, 1]
