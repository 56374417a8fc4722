"""counts.py: rows that are present, and those of records created before an instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.warehouse.counts import RowsBefore, present_rows, rows_before

BOUND = datetime(2026, 6, 10, 12, tzinfo=UTC)
CUSTOMERS = endpoint("crm_customers")


@pytest.fixture
def filled(control: psycopg.Connection) -> psycopg.Connection:
    """Rows of acme: two created before the bound, one at it, one later, one at an unknown time, one deleted."""
    control.execute("delete from raw.crm_customers")
    control.execute("delete from control.landed_files")
    second = timedelta(seconds=1)
    rows = [(1, BOUND - second, None), (2, BOUND - second, None), (3, BOUND, None), (4, BOUND + second, None),
            (5, None, None), (6, BOUND - second, BOUND)]  # fmt: skip
    for tenant in ("acme", "bolt"):
        for row in rows:
            control.execute(
                "insert into raw.crm_customers (tenant, id, created_on, _deleted_at, _landed_at, _version) "
                "values (%s, %s, %s, %s, now(), 0)",
                (tenant, *row),
            )
    return control


def land(control: psycopg.Connection, whole: int, *, n: int = 0, cursor: str | None = None) -> None:
    control.execute(
        "insert into control.landed_files (tenant, entity, batch, n, path, records, quarantined_whole, pages, bytes, "
        "cursor_from, fingerprint, landed_at) values ('acme', 'crm_customers', 'b', %s, gen_random_uuid()::text, 9, "
        "%s, 1, 1, %s, '', now())",
        (n, whole, cursor),
    )


def test_rows_marked_as_deleted_are_not_present(filled: psycopg.Connection) -> None:
    assert present_rows(filled, "acme", CUSTOMERS) == 5
    assert present_rows(filled, "cole", CUSTOMERS) == 0


def test_rows_before_the_bound_and_rows_without_a_time_are_counted_separately(filled: psycopg.Connection) -> None:
    assert rows_before(filled, "acme", CUSTOMERS, BOUND) == RowsBefore(2, 1)
    assert rows_before(filled, "cole", CUSTOMERS, BOUND) == RowsBefore(0, 0)


def test_records_quarantined_since_the_last_full_read_count_as_uncertain(filled: psycopg.Connection) -> None:
    land(filled, 50)
    land(filled, 40, n=1, cursor="t")
    assert rows_before(filled, "acme", CUSTOMERS, BOUND) == RowsBefore(2, 91)
    land(filled, 2)
    land(filled, 3, n=1, cursor="t")
    land(filled, 4, cursor="later")
    assert rows_before(filled, "acme", CUSTOMERS, BOUND) == RowsBefore(2, 10)
    assert rows_before(filled, "bolt", CUSTOMERS, BOUND) == RowsBefore(2, 1)
