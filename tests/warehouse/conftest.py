"""Landed files to load, and what raw then has."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import Raw
from psycopg import sql
from psycopg.rows import dict_row

from st_pipeline.landing.land import land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.zone import LandingZone
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.servicetitan.pages import Page
from tests.landing.invoices import INVOICES
from tests.landing.sources import clock

_TENANTS = itertools.count()

LandFiles = Callable[..., None]
ReadRaw = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test uses."""
    return f"tenant-{next(_TENANTS)}"


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(str(tmp_path / "landing"))


@dataclass
class Changes:
    """A feed that returns the given pages for any cursor: the changes since the last read."""

    given: Sequence[Sequence[bytes]]

    def pages(self, endpoint: Endpoint, cursor: str | None = None) -> Iterator[Page]:
        for number, records in enumerate(self.given or [[]], start=1):
            more = number < len(self.given)
            yield Page([Raw(r) for r in records], sum(map(len, records)), more, f"{cursor or ''}.", None)


@pytest.fixture
def land_files(control: psycopg.Connection, zone: LandingZone) -> LandFiles:
    """``land_files(tenant, records, records, full=…, endpoint=…)``: one batch, with one file per list of records."""
    ticking = clock()

    def run(tenant: str, *files: Sequence[bytes], full: bool = False, endpoint: Endpoint = INVOICES) -> None:
        land(Changes(files), zone, Ledger(control), tenant, endpoint, full=full, clock=ticking, file_bytes=1)

    return run


@pytest.fixture
def raw(control: psycopg.Connection) -> ReadRaw:
    """``raw(tenant, column, …)``: a tenant's raw rows by id; all columns if none is named."""

    def read(tenant: str, *columns: str, endpoint: Endpoint = INVOICES) -> list[dict[str, Any]]:
        statement = sql.SQL("select {} from {} where tenant = %s order by id").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)) if columns else sql.SQL("*"),
            sql.Identifier("raw", endpoint.entity),
        )
        with control.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, (tenant,)).fetchall()

    return read
