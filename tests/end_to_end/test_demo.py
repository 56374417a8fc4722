"""``st-pipeline demo`` in an empty home ends with 0, and shows the numbers in the database and the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from psycopg import sql

from st_pipeline.cli.demo import WINDOW_SECONDS
from st_pipeline.cli.sandbox_tenants import TENANTS
from st_pipeline.sandbox import Sandbox, demo_accounts
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from tests.end_to_end.home import Home, Said

pytestmark = pytest.mark.acceptance

UNCONNECTED = 1003
KEYS = {tenant_id: facts.key for tenant_id, facts in TENANTS.items()}


@pytest.fixture(scope="module")
def home() -> Home:
    return Home.new("demo")


@pytest.fixture(scope="module")
def shown(home: Home) -> Said:
    return home.run("demo")


@pytest.fixture(scope="module")
def again() -> Iterator[Sandbox]:
    """A sandbox that repeats the demo's: its data depends only on seeds."""
    with Sandbox(demo_accounts()) as sandbox:
        for seed, tenant_id in enumerate(one for one in KEYS if one != UNCONNECTED):
            sandbox.world(tenant_id).counts()
            sandbox.change(tenant_id, seed, edits=60, inactivations=15, additions=40, late=20)
        sandbox.advance(WINDOW_SECONDS)
        yield sandbox


def cells(shown: Said, title: str) -> list[list[str]]:
    """The rows of the tables under a title, cell by cell, without headings."""
    _, *parts = re.split(rf"^{re.escape(title)}\s*$", shown.out, flags=re.MULTILINE)
    assert parts, f"no table {title!r} in:\n{shown.out}"
    rows: list[list[str]] = []
    for part in parts:
        table = part.split("└")[0]
        rows += [[cell.strip() for cell in line.strip("│ ").split("│")] for line in table.splitlines() if "│" in line]
    return rows


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_what_the_demo_shows_is_in_the_sandbox_and_in_raw(home: Home, shown: Said, again: Sandbox) -> None:
    rows = {(row[0], row[1]): row[2:] for row in cells(shown, "Counts in the sandbox and in Postgres")}
    connected = {KEYS[tenant_id]: tenant_id for tenant_id in KEYS if tenant_id != UNCONNECTED}
    assert rows.keys() == {(key, entity) for key in connected for entity in ASSET_ENTITIES}
    with Home(home.folder / "demo").connect() as connection:
        for (key, entity), (held, loaded, whole, verdict) in rows.items():
            query = sql.SQL("select count(*) from {} where tenant = %s").format(sql.Identifier("raw", entity))
            count = connection.execute(query, (key,)).fetchone()
            assert count == (number(loaded),), (key, entity)
            assert (number(held), number(whole), verdict) == (number(loaded), 0, "equal")
            assert again.world(connected[key]).count(entity) == number(held), (key, entity)


def test_the_demo_shows_what_both_syncs_loaded(home: Home, shown: Said) -> None:
    synced = [row for row in cells(shown, "Sync") if len(row) == 10]
    assert len(synced) == 2 * 2 * len(ASSET_ENTITIES)
    with Home(home.folder / "demo").connect() as connection:
        kept = connection.execute(
            """
            select s.tenant, e.entity, e.fetched, e.landed, e.loaded, e.quarantined_whole, e.quarantined_fields,
                e.deleted, e.outcome
            from control.sync_entities e join control.syncs s on s.id = e.sync_id
            """
        ).fetchall()
    found = [(*row[:2], *map(number, row[2:8]), row[9]) for row in synced]
    assert sorted(found) == sorted(kept)
    assert f"{KEYS[UNCONNECTED]}: failed" in shown.out
    assert "not connected yet" in shown.out


def test_the_demo_shows_the_rows_of_the_legacy_tables(home: Home, shown: Said) -> None:
    counts = {(row[0], row[1]): number(row[2]) for row in cells(shown, "Legacy tables")}
    with Home(home.folder / "demo").connect() as connection:
        kept = {
            (f"legacy.{table}", tenant): count
            for table in ("invoices_stream", "members_stream", "rejected_rows")
            for tenant, count in connection.execute(
                sql.SQL("select tenant, count(*) from {} group by tenant").format(sql.Identifier("legacy", table))
            )
        }
    assert counts == kept
    assert len(cells(shown, "legacy.invoices_stream")) == len(cells(shown, "legacy.members_stream")) == 5
    for place in ("landing", "psql", "Dagster UI"):
        assert place in shown.out


def test_the_demo_run_again_works_again(home: Home, shown: Said, again: Sandbox) -> None:
    second = home.run("demo")
    title = "Counts in the sandbox and in Postgres"
    assert cells(second, title) == cells(shown, title)
    test_what_the_demo_shows_is_in_the_sandbox_and_in_raw(home, second, again)
