"""Files that cannot be read are told with what they held, and a full refresh replaces them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.steps.step import Do, Step
from st_pipeline.warehouse.pending_files import FilesUnreadable, PendingFile, find_damage, give_up_replaced, pending
from tests.landing.invoices import INVOICES, small
from tests.warehouse.loads import load

from .conftest import LandFiles

FILE = PendingFile(1, "crm_customers/x.parquet", 0, 12, "f", False, datetime(2026, 11, 2, 3, 4, tzinfo=UTC), False)


def test_each_file_is_told_with_what_it_held_and_the_rest_counted() -> None:
    files = [(replace(FILE, id=n, is_loaded=n == 2), "it is gone") for n in range(1, 6)]
    error = FilesUnreadable("acme", "crm_customers", files)
    one = "crm_customers/x.parquet (12 records that landed 2026-11-02 03:04 UTC, not loaded): it is gone"
    assert error.problem == (
        f"5 landed files cannot be read: {one}; {one.replace('not loaded', 'loaded before')}; {one}; and 2 more. "
        "All other files were loaded"
    )
    assert error.steps == (Step(Do.FULL_REFRESH, "crm_customers"),)
    assert "st-pipeline sync acme --entity crm_customers --full" in str(error)


def test_a_file_with_all_its_rows_has_no_damage(
    zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(1), small(2)])
    (file,) = pending(control, tenant, INVOICES)
    assert find_damage(zone, file) is None
    assert find_damage(zone, replace(file, records=3)) == "it should have 3 rows and has 2"


def test_only_a_full_refresh_that_came_later_and_is_loaded_replaces_a_file(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(1)])
    (first,) = pending(control, tenant, INVOICES)
    assert give_up_replaced(control, tenant, INVOICES.entity, [first.id]) == set()
    load(warehouse, zone, tenant, INVOICES)
    control.execute("update control.landed_files set batch = 'earlier' where id = %s", (first.id,))
    land_files(tenant, [small(2)])
    *_, second = pending(control, tenant, INVOICES)
    assert give_up_replaced(control, tenant, INVOICES.entity, [first.id]) == set(), "it is not loaded yet"
    load(warehouse, zone, tenant, INVOICES)
    control.execute(
        "update control.landed_files set n = 0, cursor_from = null, batch = 'later' where id = %s", (second.id,)
    )
    assert give_up_replaced(control, tenant, INVOICES.entity, [first.id, second.id]) == {first.id}
