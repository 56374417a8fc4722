"""The newest version wins, in whatever order versions arrive: the SQL compared with a loop in plain Python."""

from __future__ import annotations

from typing import Any

import psycopg
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.warehouse.upsert import numbered, stage_schema
from tests.landing.invoices import FEW, INVOICES, small
from tests.warehouse.loads import load

from .conftest import LandFiles, ReadRaw

Arrival = tuple[int, int | None]
"""An id and a version; None is a record without a usable modification time."""

ARRIVALS = st.lists(st.tuples(st.integers(1, 3), st.none() | st.integers(0, 3)), min_size=1, max_size=9)


def fold(arrivals: list[Arrival]) -> dict[int, tuple[int, int | None]]:
    """Id -> (number of the arrival in raw, version): one record after the other, the newest wins."""
    held: dict[int, tuple[int, int | None]] = {}
    for number, (record_id, version) in enumerate(arrivals):
        newest = held[record_id][1] if record_id in held else None
        if version is None:
            held[record_id] = (number, newest)
        elif newest is None or version >= newest:
            held[record_id] = (number, version)
    return held


def record(number: int, arrival: Arrival) -> bytes:
    record_id, version = arrival
    return small(record_id, None if version is None else f"2026-02-01T10:00:00.000000{version}Z", summary=str(number))


def in_raw(rows: list[dict[str, Any]]) -> dict[int, tuple[int, int | None]]:
    base = 639055368000000000  # ticks of 2026-02-01T10:00:00Z since year 1
    return {
        row["id"]: (int(row["summary"]), None if row["_version"] is None else row["_version"] - base) for row in rows
    }


_NEXT = iter(range(10**6))


@settings(max_examples=50)
@given(ARRIVALS, st.data())
@example([(1, 1), (1, 2), (1, 3), (1, 0), (2, None), (2, 1)], None)
@example([(1, 3), (1, None), (1, 2), (1, 3), (1, 1)], None)
def test_in_any_order_within_and_across_files_raw_equals_a_fold(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw,
    arrivals: list[Arrival], data: st.DataObject | None,
) -> None:  # fmt: skip
    tenant = f"order-{next(_NEXT)}"
    records = [record(number, arrival) for number, arrival in enumerate(arrivals)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records))))) if data else [len(records)]
    files = [records[a:b] for a, b in zip([0, *cuts], [*cuts, len(records)], strict=True) if a < b]
    land_files(tenant, *files, endpoint=FEW)
    load(warehouse, zone, tenant, FEW)
    assert in_raw(raw(tenant, "id", "summary", "_version")) == fold(arrivals)
    load(warehouse, zone, tenant, FEW, again=True)
    assert in_raw(raw(tenant, "id", "summary", "_version")) == fold(arrivals)


def test_a_hundred_nanoseconds_decide_and_the_later_arrival_among_equals(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str
) -> None:
    at = "2026-02-01T10:00:00.123456"
    land_files(tenant, [small(1, f"{at}7Z", summary="newer"), small(1, f"{at}6Z", summary="older")],
               [small(2, f"{at}7Z", summary="first"), small(2, f"{at}7Z", summary="second")])  # fmt: skip
    load(warehouse, zone, tenant, INVOICES)
    assert [row["summary"] for row in raw(tenant, "summary")] == ["newer", "second"]


def test_rows_are_numbered_across_batches_with_only_the_stage_columns() -> None:
    schema = stage_schema(INVOICES)
    names = [*schema.names[:-1], "_record"]
    types = [schema.field(name).type for name in schema.names[:-1]] + [pa.string()]
    batches = [pa.RecordBatch.from_arrays([pa.nulls(n, t) for t in types], names=names) for n in (2, 0, 3)]  # pyright: ignore
    out = list(numbered(INVOICES, batches))
    assert all(batch.schema.equals(schema) for batch in out)
    assert [batch.column("_row").to_pylist() for batch in out] == [[0, 1], [], [2, 3, 4]]


def test_a_record_dated_in_the_future_hides_no_later_version_of_itself(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str
) -> None:
    soon = "2026-02-01T10:00:00.0000000Z"
    land_files(tenant, [small(1, "2099-01-01T00:00:00Z", summary="from 2099"), small(2, soon, summary="as it was")])
    load(warehouse, zone, tenant, INVOICES)
    land_files(tenant, [small(2, "2099-01-01T00:00:00Z", summary="from 2099")])
    load(warehouse, zone, tenant, INVOICES)
    assert [row["summary"] for row in raw(tenant, "summary")] == ["from 2099", "from 2099"]
    land_files(
        tenant, [small(1, "2026-02-02T00:00:00Z", summary="later"), small(2, "2026-02-02T00:00:00Z", summary="later")]
    )
    load(warehouse, zone, tenant, INVOICES)
    assert [row["summary"] for row in raw(tenant, "summary")] == ["later", "later"]
    land_files(tenant, [small(1, soon, summary="older"), small(2, soon, summary="older")])
    load(warehouse, zone, tenant, INVOICES)
    assert [row["summary"] for row in raw(tenant, "summary")] == ["later", "later"]


def test_a_row_from_the_future_of_an_older_version_is_replaced(
    warehouse: Database, zone: LandingZone, land_files: LandFiles, raw: ReadRaw, tenant: str,
    control: psycopg.Connection,
) -> None:  # fmt: skip
    land_files(tenant, [small(1, "2026-02-01T00:00:00Z", summary="from 2099")])
    load(warehouse, zone, tenant, INVOICES)
    control.execute("update raw.accounting_invoices set _version = 662062000000000000 where tenant = %s", (tenant,))
    land_files(tenant, [small(1, "2026-02-02T00:00:00Z", summary="later")])
    load(warehouse, zone, tenant, INVOICES)
    assert [row["summary"] for row in raw(tenant, "summary")] == ["later"]
