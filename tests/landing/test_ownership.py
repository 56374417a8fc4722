"""A landing zone belongs to one installation; another one is refused before it deletes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from st_pipeline.landing.compaction import compact
from st_pipeline.landing.expiry import expire
from st_pipeline.landing.land import land
from st_pipeline.landing.ledger import LandedFile, Ledger
from st_pipeline.landing.ownership import ZoneNotOurs, claim
from st_pipeline.landing.zone import OWNER, LandingZone
from st_pipeline.postgres import connect
from st_pipeline.steps.step import Do, Step
from tests.conftest import NewWarehouse
from tests.landing.invoices import INVOICES
from tests.warehouse.conftest import Changes

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NewLedger = Callable[[], Ledger]


@pytest.fixture
def new_ledger(new_warehouse: NewWarehouse) -> Iterator[NewLedger]:
    with ExitStack() as stack:

        def make() -> Ledger:
            connection = stack.enter_context(connect(new_warehouse(), autocommit=True))
            connection.execute("update control.installation set id = gen_random_uuid()")  # databases are copies of one
            return Ledger(connection)

        yield make


@pytest.fixture
def ours(new_ledger: NewLedger) -> Ledger:
    return new_ledger()


def test_the_first_installation_marks_the_zone_and_stays_welcome(tmp_path: Path, ours: Ledger) -> None:
    claim(LandingZone(str(tmp_path)), ours)
    assert (tmp_path / OWNER).read_text().strip() == ours.installation()
    claim(LandingZone(str(tmp_path)), ours)


def test_another_installation_is_refused_and_told_what_to_do(
    tmp_path: Path, ours: Ledger, new_ledger: NewLedger
) -> None:
    claim(LandingZone(str(tmp_path)), ours)
    with pytest.raises(ZoneNotOurs, match=f"belongs to another installation .* says {ours.installation()}") as raised:
        claim(LandingZone(str(tmp_path)), new_ledger())
    assert raised.value.steps == (Step(Do.OWN_LANDING_ZONE),)
    assert "ST_PIPELINE_LANDING" in str(raised.value)


def test_a_zone_with_unknown_files_is_not_taken_by_an_empty_ledger(tmp_path: Path, ours: Ledger) -> None:
    """As an older version left it, which did not mark."""
    (tmp_path / "crm_customers").mkdir()
    (tmp_path / "crm_customers" / "x.parquet").write_bytes(b"")
    with pytest.raises(ZoneNotOurs, match="files that this warehouse does not know"):
        claim(LandingZone(str(tmp_path)), ours)
    assert not (tmp_path / OWNER).exists()
    file = LandedFile(
        tenant="acme", entity="crm_customers", batch="b", n=0, path="crm_customers/x.parquet", records=1,
        quarantined_whole=0, pages=1, bytes=1, cursor_from=None, cursor_to=None, fingerprint="f",
        landed_at=datetime.now(UTC),
    )  # fmt: skip
    ours.record_file(file, [], [])
    claim(LandingZone(str(tmp_path)), ours)
    assert (tmp_path / OWNER).exists()


def test_many_that_claim_at_once_all_find_one_whole_mark(tmp_path: Path, new_ledger: NewLedger, ours: Ledger) -> None:
    """As the entities of a first sync do."""
    installation = ours.installation()
    zones = [LandingZone(str(tmp_path)) for _ in range(8)]
    for _ in range(50):
        (tmp_path / OWNER).unlink(missing_ok=True)
        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(zone.write_owner, installation) for zone in zones[:4]]
            reads = [pool.submit(zone.read_owner) for zone in zones]
        assert all(write.exception() is None for write in writes)
        assert {read.result() for read in reads} <= {installation, None}
    assert [path.name for path in tmp_path.iterdir()] == [OWNER]


@pytest.mark.parametrize(
    "use",
    [
        lambda zone, ledger, database: land(Changes([]), zone, ledger, "acme", INVOICES),
        lambda zone, ledger, database: compact(database, zone, NOW, timedelta(days=7)),
        lambda zone, ledger, database: expire(database, zone, NOW, timedelta(days=1)),
    ],
)
def test_whatever_writes_or_deletes_is_refused_in_the_zone_of_another(
    tmp_path: Path, ours: Ledger, new_warehouse: NewWarehouse, use: Callable[..., object]
) -> None:
    claim(LandingZone(str(tmp_path)), ours)
    file = tmp_path / "accounting_invoices" / "tenant=acme" / "landed=2026-01-01" / "theirs-0.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    database = new_warehouse()
    with connect(database, autocommit=True) as connection:
        ledger = Ledger(connection)
        connection.execute("delete from control.installation")
        assert ledger.installation() != ours.installation()
        with pytest.raises(ZoneNotOurs):
            use(LandingZone(str(tmp_path)), ledger, database)
    assert file.exists()
