"""A version that lies in the future counts as missing; a day of difference between two clocks does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.landing.future_versions import LEEWAY, drop_future, newest_plausible, usable_version
from st_pipeline.landing.values import ticks

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))
LANDED = pa.timestamp("us", tz="UTC")


@given(st.lists(st.tuples(INSTANTS, st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))))
def test_a_version_is_dropped_if_it_is_more_than_a_day_after_its_landing(
    pairs: list[tuple[datetime, datetime]],
) -> None:
    versions = pa.array([ticks(version) for version, _ in pairs], pa.int64())
    found = drop_future(versions, pa.array([landed for _, landed in pairs], LANDED)).to_pylist()
    assert found == [ticks(version) if version <= landed + LEEWAY else None for version, landed in pairs]


def test_a_missing_version_stays_missing() -> None:
    assert drop_future(pa.array([None], pa.int64()), pa.array([NOW], LANDED)).to_pylist() == [None]


def test_the_newest_version_is_the_newest_that_can_be() -> None:
    versions = pa.array([ticks(NOW - timedelta(hours=3)), ticks(datetime(2099, 1, 1, tzinfo=UTC)), None], pa.int64())
    assert newest_plausible(versions, NOW) == ticks(NOW - timedelta(hours=3))
    assert newest_plausible(pa.nulls(2, pa.int64()), NOW) is None


def test_postgres_judges_the_same(control: psycopg.Connection) -> None:
    for version, usable in ((ticks(NOW + LEEWAY), True), (ticks(NOW + LEEWAY) + 1, False)):
        query = f"select {usable_version('r')} from (select %s::bigint as _version, %s::timestamptz as _landed_at) r"
        row = control.execute(query.encode(), (version, NOW)).fetchone()
        assert row == (version if usable else None,)
