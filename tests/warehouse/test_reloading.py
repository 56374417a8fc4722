"""An incomplete reload is refused, with advice on what to do. A complete one isn't."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.warehouse.reloading import ReloadRefused
from tests.landing.invoices import INVOICES, small
from tests.warehouse.loads import load

from .conftest import LandFiles, ReadRaw

MAY = "2024-05-01T10:00:00Z"


def expire(control: psycopg.Connection, tenant: str, *, but: int) -> None:
    """Expire all files except the last ``but``."""
    control.execute(
        "update control.landed_files set expired_at = now() where tenant = %s and id not in "
        "(select id from control.landed_files where tenant = %s order by id desc limit %s)", (tenant, tenant, but),
    )  # fmt: skip


def state(control: psycopg.Connection, tenant: str) -> list[Any]:
    return control.execute(
        "select id, loaded_fingerprint is null from control.landed_files where tenant = %s order by id", (tenant,)
    ).fetchall()


def test_a_reload_is_refused_with_advice_if_a_file_has_expired(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(1, MAY)])
    land_files(tenant, [small(2, MAY)])
    load(warehouse, zone, tenant, INVOICES)
    expire(control, tenant, but=1)
    before = state(control, tenant)
    with pytest.raises(ReloadRefused) as refused:
        load(warehouse, zone, tenant, INVOICES, again=True)
    assert f"{tenant} accounting_invoices: 1 landed file was removed by age" in str(refused.value)
    assert f"st-pipeline sync {tenant} --entity accounting_invoices --full" in str(refused.value)
    assert state(control, tenant) == before
    assert load(warehouse, zone, tenant, INVOICES).files == 0


def test_a_later_full_read_allows_a_reload_again(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, raw: ReadRaw,
    tenant: str,
) -> None:  # fmt: skip
    land_files(tenant, [small(1, MAY)])
    land_files(tenant, [small(1, MAY)], [small(2, MAY)], full=True)
    land_files(tenant, [small(3, MAY)])
    load(warehouse, zone, tenant, INVOICES)
    expire(control, tenant, but=3)
    control.execute('delete from raw."accounting_invoices" where tenant = %s', (tenant,))
    assert load(warehouse, zone, tenant, INVOICES, again=True).files == 3
    assert [row["id"] for row in raw(tenant, "id")] == [1, 2, 3]


def test_a_full_read_with_an_expired_file_does_not_allow_a_reload(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(1, MAY)], [small(2, MAY)], full=True)
    load(warehouse, zone, tenant, INVOICES)
    expire(control, tenant, but=1)
    with pytest.raises(ReloadRefused):
        load(warehouse, zone, tenant, INVOICES, again=True)


def test_an_unfinished_full_read_does_not_allow_a_reload(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    land_files(tenant, [small(1, MAY)])
    land_files(tenant, [small(1, MAY)], full=True)
    load(warehouse, zone, tenant, INVOICES)
    control.execute("update control.cursors set is_complete = false where tenant = %s", (tenant,))
    expire(control, tenant, but=1)
    with pytest.raises(ReloadRefused):
        load(warehouse, zone, tenant, INVOICES, again=True)
    control.execute("update control.cursors set is_complete = true where tenant = %s", (tenant,))
    assert load(warehouse, zone, tenant, INVOICES, again=True).files == 1


def test_expired_files_of_another_tenant_do_not_matter(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, control: psycopg.Connection, tenant: str
) -> None:
    for each in (tenant, f"{tenant}-twin"):
        land_files(each, [small(1, MAY)])
        load(warehouse, zone, each, INVOICES)
    expire(control, f"{tenant}-twin", but=0)
    assert load(warehouse, zone, tenant, INVOICES, again=True).files == 1
