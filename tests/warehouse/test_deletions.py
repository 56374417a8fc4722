"""Rows that a full refresh no longer returns are marked, never removed, and nothing is marked when in doubt."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest

from st_pipeline.landing.hold import LockLost, take
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.warehouse import upsert
from st_pipeline.warehouse.deletions import DeletionVerdict
from tests.landing.invoices import INVOICES, small
from tests.warehouse.loads import load, mark_deleted

from .conftest import LandFiles, ReadRaw

MAY, JUNE = "2024-05-01T10:00:00Z", "2024-06-01T10:00:00Z"


class Desk:
    """One tenant's entity: read it, and mark what is gone."""

    def __init__(
        self, warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, control: psycopg.Connection,
        tenant: str,
    ) -> None:  # fmt: skip
        self.warehouse, self.zone, self.tenant, self._land, self._raw = warehouse, zone, tenant, land_files, raw
        self._control = control

    def read(self, *files: Sequence[bytes], full: bool = False) -> DeletionVerdict | None:
        """Land, load and mark deletions, as a sync does."""
        self.land(*files, full=full)
        return self.judge()

    def land(self, *files: Sequence[bytes], full: bool = False) -> None:
        self._land(self.tenant, *files, full=full)

    def judge(self) -> DeletionVerdict | None:
        load(self.warehouse, self.zone, self.tenant, INVOICES)
        return mark_deleted(self.warehouse, self.zone, self.tenant, INVOICES)

    @property
    def gone(self) -> set[int]:
        return {row["id"] for row in self._raw(self.tenant, "id", "_deleted_at") if row["_deleted_at"]}

    @property
    def ids(self) -> list[int]:
        return [row["id"] for row in self._raw(self.tenant, "id")]

    @property
    def changed_at(self) -> object:
        return self._control.execute(
            "select changed_at from control.raw_loads where tenant = %s", (self.tenant,)
        ).fetchone()


@pytest.fixture
def desk(
    warehouse: Database,
    zone: LandingZone,
    land_files: LandFiles,
    raw: ReadRaw,
    control: psycopg.Connection,
    tenant: str,
) -> Desk:
    return Desk(warehouse, zone, land_files, raw, control, tenant)


def test_a_full_read_marks_missing_rows_and_removes_nothing(desk: Desk) -> None:
    assert desk.read([small(1, MAY), small(2, MAY)], [small(3, MAY)]) is None
    assert desk.read([small(1, MAY)], [small(4, MAY)], full=True) == DeletionVerdict(marked=2)
    assert (desk.ids, desk.gone) == ([1, 2, 3, 4], {2, 3})


def test_deletions_are_marked_once_per_full_read_and_never_for_an_incremental_one(desk: Desk) -> None:
    desk.read([small(1, MAY), small(2, MAY)])
    assert desk.read([small(1, MAY)]) is None
    assert desk.read([small(1, MAY)], full=True) == DeletionVerdict(marked=1)
    assert desk.judge() is None
    assert desk.read([small(1, MAY)], full=True) == DeletionVerdict(marked=0)
    assert desk.gone == {2}


def test_a_row_that_comes_back_is_restored(desk: Desk) -> None:
    desk.read([small(1, MAY), small(2, MAY), small(3, MAY)])
    desk.read([small(1, MAY)], full=True)
    assert desk.gone == {2, 3}
    desk.read([small(2, MAY)])
    assert desk.gone == {3}
    desk.read([small(1, MAY), small(2, MAY), small(3, JUNE)], full=True)
    assert desk.gone == set()


def test_a_row_that_comes_back_in_an_older_version_is_restored_with_its_newer_values(desk: Desk, raw: ReadRaw) -> None:
    desk.read([small(1, MAY), small(2, JUNE, summary="newer")])
    desk.read([small(1, MAY)], full=True)
    before = desk.changed_at
    assert desk.read([small(1, MAY), small(2, MAY, summary="older")], full=True) == DeletionVerdict(marked=0)
    assert desk.gone == set()
    assert raw(desk.tenant, "summary")[1] == {"summary": "newer"}
    assert desk.changed_at != before


def test_reloading_old_files_does_not_restore_deleted_rows(desk: Desk) -> None:
    desk.read([small(1, MAY), small(2, MAY), small(3)])
    desk.read([small(1, MAY)], full=True)
    load(desk.warehouse, desk.zone, desk.tenant, INVOICES, again=True)
    assert desk.gone == {2, 3}
    assert desk.judge() is None


def test_an_empty_full_read_never_empties_a_table(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.read([small(1, MAY)])
    desk.read([small(1, MAY)])
    judged = desk.read(full=True)
    assert judged and judged.marked == 0 and "returned no records" in (judged.refused or "")
    assert desk.gone == set()
    assert f"{desk.tenant} accounting_invoices" in caplog.text


def test_a_full_read_with_unreadable_ids_marks_nothing(desk: Desk) -> None:
    desk.read([small(1, MAY), small(2, MAY)])
    for records in ([b"7", b'{"id":"x"}'], [small(1, MAY), b'{"id":null}']):
        judged = desk.read(records, full=True)
        assert judged and judged.marked == 0 and "no usable id" in (judged.refused or "")
        assert desk.gone == set()


def test_rows_that_landed_after_a_full_read_started_are_not_marked(desk: Desk) -> None:
    desk.read([small(1, MAY), small(2, MAY)])
    desk.land([small(1, MAY)], full=True)
    desk.land([small(5, JUNE)])  # a later read, before deletions were marked
    assert desk.judge() == DeletionVerdict(marked=1)
    assert (desk.ids, desk.gone) == ([1, 2, 5], {2})


def test_other_tenants_are_not_affected(desk: Desk, land_files: LandFiles, raw: ReadRaw) -> None:
    twin = f"{desk.tenant}-twin"
    land_files(twin, [small(1, MAY), small(2, MAY)])
    load(desk.warehouse, desk.zone, twin, INVOICES)
    desk.read([small(1, MAY), small(2, MAY)])
    assert desk.read([small(1, MAY)], full=True) == DeletionVerdict(marked=1)
    assert [row["_deleted_at"] for row in raw(twin, "_deleted_at")] == [None, None]


def test_marks_and_the_change_time_are_one_transaction_that_a_crash_undoes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.read([small(1, MAY), small(2, MAY)])
    desk.land([small(1, MAY)], full=True)
    load(desk.warehouse, desk.zone, desk.tenant, INVOICES)
    before = desk.changed_at

    def killed() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(upsert, "mark_changed", killed)
        mark_deleted(desk.warehouse, desk.zone, desk.tenant, INVOICES)
    assert (desk.gone, desk.changed_at) == (set(), before)
    assert desk.judge() == DeletionVerdict(marked=1)
    assert desk.gone == {2} and desk.changed_at != before


def test_without_a_change_the_change_time_stays(desk: Desk) -> None:
    desk.read([small(1, MAY)])
    desk.land([small(1, MAY)], full=True)
    load(desk.warehouse, desk.zone, desk.tenant, INVOICES)
    before = desk.changed_at
    assert desk.judge() == DeletionVerdict(marked=0)
    assert desk.changed_at == before


def test_a_sync_whose_lock_another_took_marks_nothing(
    desk: Desk, warehouse: Database, zone: LandingZone, control: psycopg.Connection
) -> None:
    desk.read([small(1, MAY), small(2, MAY)])
    desk.land([small(1, MAY)], full=True)
    load(warehouse, zone, desk.tenant, INVOICES)
    lost, held = take(control, desk.tenant), take(control, desk.tenant)
    with pytest.raises(LockLost):
        mark_deleted(warehouse, zone, desk.tenant, INVOICES, lost)
    assert desk.gone == set()
    assert mark_deleted(warehouse, zone, desk.tenant, INVOICES, held) == DeletionVerdict(1)
    assert desk.gone == {2}
