"""A ledger and a landing zone for each test, and what landing stored in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.zone import LandingZone

_TENANTS = itertools.count()


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test uses."""
    return f"tenant-{next(_TENANTS)}"


@pytest.fixture
def ledger(control: psycopg.Connection) -> Ledger:
    return Ledger(control)


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(str(tmp_path / "landing"))


@dataclass(frozen=True)
class Left:
    """A tenant's data in the ledger and zone, without what differs from run to run (paths, batches, times)."""

    files: list[dict[str, Any]]
    rows: list[list[dict[str, Any]]]
    cursor: dict[str, Any] | None
    quarantine: list[tuple[Any, ...]]
    drift: list[tuple[Any, ...]]

    @property
    def records(self) -> list[str]:
        """The records of all files, in order."""
        return [row["_record"] for rows in self.rows for row in rows]


Look = Callable[[str], Left]


@pytest.fixture
def look(control: psycopg.Connection, zone: LandingZone, tmp_path: Path) -> Look:
    """Read what landing stored; fail if the zone has a file that the ledger doesn't know."""

    def read(tenant: str) -> Left:
        with control.cursor(row_factory=dict_row) as cursor:
            files = cursor.execute(
                "select * from control.landed_files where tenant = %s order by id", (tenant,)
            ).fetchall()
            at = cursor.execute(
                "select files, seen, is_full, is_complete, full_batch is not null as is_due, cursor "
                "from control.cursors where tenant = %s", (tenant,)
            ).fetchone()  # fmt: skip
        on_disk = {str(p.relative_to(tmp_path / "landing")) for p in (tmp_path / "landing").rglob("*") if p.is_file()}
        assert {p for p in on_disk if f"tenant={tenant}/" in p} == {file["path"] for file in files}
        rows = [zone.reader(file["path"]).read().to_pylist() for file in files]
        return Left(
            files=[
                {k: v for k, v in f.items() if k not in ("id", "path", "batch", "landed_at", "tenant", "bytes")}
                for f in files
            ],
            rows=[
                [{k: v for k, v in r.items() if k not in ("_tenant", "_batch", "_landed_at")} for r in f] for f in rows
            ],
            cursor=at,
            quarantine=control.execute(
                "select n, row_number, record_id, field, reason, record from control.quarantine q "
                "join control.landed_files f on f.id = q.file_id where q.tenant = %s order by f.id, row_number, field",
                (tenant,),
            ).fetchall(),
            drift=control.execute(
                "select kind, field from control.drift where tenant = %s order by 1, 2", (tenant,)
            ).fetchall(),
        )

    return read
