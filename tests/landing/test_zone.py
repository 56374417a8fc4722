"""Files are written to the zone completely or not at all, and only known ones are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from st_pipeline.landing.zone import UNFINISHED, LandingZone, file_path

SCHEMA = pa.schema([("id", pa.int64()), ("_record", pa.string())])
ROWS = pa.table({"id": [1, 2], "_record": ["a", "b"]}, SCHEMA)
PATH = "crm_customers/tenant=acme/landed=2026-03-01/b-0.parquet"


def test_a_path_has_entity_tenant_day_batch_and_number() -> None:
    at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    assert file_path("crm_customers", "acme", at, "b", 0) == PATH


def test_a_file_gets_its_name_only_when_it_is_complete(zone: LandingZone) -> None:
    target = Path(zone.location) / PATH
    writer = zone.writer(PATH, SCHEMA)
    writer.write(ROWS)
    assert [p.name for p in target.parent.iterdir()] == [target.name + UNFINISHED]
    size = writer.close()
    assert [p.name for p in target.parent.iterdir()] == [target.name]
    assert size == target.stat().st_size
    with zone.reader(PATH) as parquet:
        assert parquet.read().equals(ROWS)


def test_every_write_is_a_row_group(zone: LandingZone) -> None:
    writer = zone.writer(PATH, SCHEMA)
    for _ in range(3):
        writer.write(ROWS)
    writer.close()
    with zone.reader(PATH) as parquet:
        assert [parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups)] == [2, 2, 2]


def test_an_abandoned_file_leaves_nothing_behind_whatever_state_it_is_in(zone: LandingZone) -> None:
    writer = zone.writer(PATH, SCHEMA)
    writer.write(ROWS)
    writer.abandon()
    assert list((Path(zone.location) / PATH).parent.iterdir()) == []
    writer.abandon()


def test_sweeping_deletes_only_unknown_files_of_this_entity_and_tenant(zone: LandingZone) -> None:
    paths = [
        PATH,
        PATH.replace("b-0", "b-1"),
        PATH.replace("03-01", "02-28") + UNFINISHED,
        PATH.replace("acme", "acme-2"),
        PATH.replace("crm_customers", "crm_locations"),
    ]
    for path in paths:
        zone.writer(path, SCHEMA).close()
    swept = zone.sweep("crm_customers", "acme", {PATH})
    assert sorted(swept) == sorted(str(Path(zone.location) / path) for path in paths[1:3])
    assert [(Path(zone.location) / path).exists() for path in paths] == [True, False, False, True, True]
    assert zone.sweep("crm_customers", "acme", {PATH}) == []


def test_sweeping_without_landed_files_does_nothing(zone: LandingZone) -> None:
    assert zone.sweep("crm_customers", "acme", set()) == []


def test_a_zone_may_be_named_by_a_url_of_a_folder(tmp_path: Path) -> None:
    zone = LandingZone(f"file://{tmp_path}/by-url")
    zone.probe()
    writer = zone.writer(PATH, SCHEMA)
    writer.write(ROWS)
    writer.close()
    assert (tmp_path / "by-url" / PATH).is_file()
    assert LandingZone(str(tmp_path / "by-url")).sweep("crm_customers", "acme", {PATH}) == []


def test_probing_tells_whether_the_zone_can_be_written_and_leaves_nothing(tmp_path: Path) -> None:
    LandingZone(str(tmp_path / "new")).probe()
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        LandingZone(str(tmp_path / "file" / "zone")).probe()
