"""An entity of a tenant, landed and loaded day by day over months, and its state in zone, ledger and raw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from st_pipeline.landing.land import land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.rows import open_rows
from st_pipeline.landing.zone import LandingZone
from st_pipeline.postgres import Database
from st_pipeline.servicetitan.catalogue.model import Endpoint
from tests.warehouse.loads import load, mark_deleted

from .invoices import FEW, small
from .sources import Export, clock

MARCH = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
COLUMNS = ["id", "total", "_record", "_tenant", "_landed_at", "_batch"]


@dataclass
class Months:
    database: Database
    connection: psycopg.Connection
    zone: LandingZone
    tenant: str
    endpoint: Endpoint = FEW
    feed: list[bytes] = field(default_factory=list)

    def forget(self) -> None:
        """Start empty: this test works on all tenants in the ledger."""
        for table in ("quarantine", "landed_files", "cursors", "drift"):
            self.connection.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]

    def sync(
        self, at: datetime, records: Sequence[bytes], *, full: bool = False, loaded: bool = True, judged: bool = True
    ) -> None:
        """Land new records at ``at``; a full sync reads every record so far."""
        self.feed += records
        land(Export(self.feed), self.zone, Ledger(self.connection), self.tenant, self.endpoint, full=full,
             clock=clock(at), file_bytes=1)  # fmt: skip
        if loaded:
            self.load()
        if judged:
            mark_deleted(self.database, self.zone, self.tenant, self.endpoint)

    def days(self, number: int, start: datetime = MARCH) -> None:
        """One sync per day, each with new records, a changed record, an invalid amount, and a record without an id."""
        for day in range(number):
            at = start + day * DAY
            modified = f"{at:%Y-%m-%dT%H:%M:%SZ}"
            first = len(self.feed)
            self.sync(at, [
                small(first, modified, total="1.50", summary=f"day {day} \u00e9\u2603"),
                small(first // 2, modified, total=f"{day}.25", unknown=[day]),
                small(first + 1, modified, total="much"),
                b'{"summary": "no id"}',
            ])  # fmt: skip

    def load(self, *, again: bool = False) -> None:
        load(self.database, self.zone, self.tenant, self.endpoint, again=again)

    @property
    def on_disk(self) -> set[str]:
        """The tenant's files in the zone, finished or not."""
        root = Path(self.zone.location)
        return {str(p.relative_to(root)) for p in root.rglob(f"tenant={self.tenant}/**/*") if p.is_file()}

    @property
    def known(self) -> set[str]:
        return Ledger(self.connection).paths(self.tenant, self.endpoint.entity)

    def ledger(self, *but: str) -> list[dict[str, Any]]:
        """The ledger's rows without the columns ``but``."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                "select * from control.landed_files where tenant = %s order by id", (self.tenant,)
            ).fetchall()
        return [{name: value for name, value in row.items() if name not in but} for row in rows]

    def records(self) -> list[list[tuple[Any, ...]]]:
        """The records of each ledger row, read from the location in the row."""
        found = []
        for row in self.ledger():
            with open_rows(self.zone, row["path"], row["first_row"], row["records"]) as rows:
                columns = [rows.column(name).to_pylist() for name in COLUMNS]
            found.append(list(zip(*columns, strict=True)))
        return found

    def raw(self) -> list[tuple[Any, ...]]:
        """The whole raw table."""
        return self.connection.execute(
            f'select * from raw."{self.endpoint.entity}" where tenant = %s order by id', (self.tenant,)  # pyright: ignore
        ).fetchall()  # fmt: skip

    def notes(self) -> list[tuple[Any, ...]]:
        """Quarantine."""
        return self.connection.execute(
            "select file_id, row_number, record_id, field, reason, record from control.quarantine where tenant = %s "
            "order by file_id, row_number, field", (self.tenant,)
        ).fetchall()  # fmt: skip
