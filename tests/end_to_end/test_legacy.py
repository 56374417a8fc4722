"""The legacy tables compared with a reference in plain Python that reads the sandbox's own records.

More than 5,000 invoices and customers of three tenants in three time zones, after an incremental sync; one tenant does
not grant memberships.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from st_pipeline.postgres import connect, warehouse
from tests.end_to_end.built import TENANTS, Built
from tests.legacy.reference import Report, report

pytestmark = pytest.mark.acceptance

COUNTED = ("invoices", "members", "rejected")
TABLES = {"invoices": "invoices_stream", "members": "members_stream", "rejected": "rejected_rows"}
OWN_COLUMNS = ("id", "created_at")


@pytest.fixture(scope="module")
def expected(built: Built) -> Report:
    """The reference's rows for all tenants, directly from the sandbox's records."""
    total = Report([], [], [])
    for tenant_id, tenant in TENANTS.items():
        world = built.sandbox.world(tenant_id)
        one = report(tenant, {entity: world.records(entity) for entity in built.granted(tenant_id)})
        total.invoices.extend(one.invoices)
        total.members.extend(one.members)
        total.rejected.extend(one.rejected)
    return total


def rows_of(built: Built, table: str) -> list[dict[str, Any]]:
    with connect(warehouse(built.home.settings), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from legacy.{table}")  # pyright: ignore
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return [{name: value for name, value in row.items() if name not in OWN_COLUMNS} for row in rows]


def test_the_generated_data_is_large_and_awkward_enough(built: Built, expected: Report) -> None:
    for entity in ("accounting_invoices", "crm_customers"):
        assert sum(built.sandbox.world(one.tenant_id).count(entity) for one in built.accounts) > 5_000
    assert min(len(expected.invoices), len(expected.members)) > 3_000
    assert len({row["reason"] for row in expected.rejected}) > 3
    for column in ("unit", "customer_last_name", "customer_phone_numbers", "job_type", "first_appointment"):
        assert len({row[column] for row in expected.invoices}) > 2, column
    assert {row["active_member"] for row in expected.members} == {"Yes", None}
    assert any(", " in (row["customer_phone_numbers"] or "") for row in expected.members)


@pytest.mark.parametrize("kind", COUNTED)
def test_a_legacy_table_equals_the_reference_row_for_row(built: Built, expected: Report, kind: str) -> None:
    there = Counter(tuple(row.items()) for row in rows_of(built, TABLES[kind]))
    wanted = Counter(tuple(row.items()) for row in getattr(expected, kind))
    missing, surplus = wanted - there, there - wanted
    assert not missing and not surplus, (
        f"{TABLES[kind]}: {missing.total()} missing, {surplus.total()} too many, for example\n"
        f"{next(iter(missing), None)}\n{next(iter(surplus), None)}"
    )


def test_the_time_zone_of_each_tenant_decides_what_is_shown(built: Built, expected: Report) -> None:
    for tenant_id, tenant in TENANTS.items():
        world = built.sandbox.world(tenant_id)
        records = {entity: world.records(entity) for entity in built.granted(tenant_id)}
        in_utc = {row["invoice_number"]: row for row in report(replace(tenant, timezone="UTC"), records).invoices}
        ours = [row for row in expected.invoices if row["tenant"] == built.code(tenant_id)]
        shifted = [r for r in ours if r["first_appointment"] != in_utc[r["invoice_number"]]["first_appointment"]]
        assert len(shifted) > len(ours) // 2


def test_membership_columns_are_empty_for_the_tenant_without_that_scope(built: Built) -> None:
    rows = [row for row in rows_of(built, "members_stream") if row["tenant"] == built.code(4003)]
    assert len(rows) > 1_000
    assert {(row["active_member"], row["membership_type"], row["current_status"]) for row in rows} == {(None,) * 3}
