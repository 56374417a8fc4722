"""Bars of the last syncs: how high each is, which are cut, what is said of them."""

from __future__ import annotations

import re
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.recent_syncs import RECENT, RecentSync
from st_pipeline.portal.words.charts import BAR, CUT_AT, GAP, HEIGHT, LEAST, WIDTH, rows_chart
from tests.support.past import NOW

BARS = re.compile(r"M(\d+) (\d+)v-(\d+)h4v(\d+)z")
LOADED = st.lists(st.integers(0, 10**9), min_size=1, max_size=RECENT)


def syncs(*loaded: int, state: SyncState = SyncState.SUCCEEDED) -> list[RecentSync]:
    return [RecentSync(n, state, False, NOW, NOW + timedelta(minutes=5), rows) for n, rows in enumerate(loaded)]


def bars(path: str) -> list[tuple[int, int, int]]:
    """Left edge, bottom and height of each."""
    found = [(int(left), int(bottom), int(up)) for left, bottom, up, _ in BARS.findall(path)]
    assert "".join(f"M{left} {bottom}v-{up}h4v{up}z" for left, bottom, up in found) == path
    return found


def test_there_is_no_chart_of_nothing() -> None:
    assert rows_chart([]) is None


def test_bars_are_as_high_as_their_rows_and_the_newest_is_at_the_right_edge() -> None:
    chart = rows_chart(syncs(100, 50, 0))
    assert chart
    first = WIDTH - 3 * (BAR + GAP)
    assert (chart.left, chart.is_cut) == (first, False)
    assert bars(chart.paths["good"]) == [
        (first, HEIGHT, HEIGHT), (first + 6, HEIGHT, HEIGHT // 2), (first + 12, HEIGHT, LEAST)
    ]  # fmt: skip
    assert chart.label == "Last 3 syncs: 3 succeeded, 0 failed; largest sync 100 records"


def test_a_first_sync_is_cut_so_that_the_others_are_seen() -> None:
    chart = rows_chart(syncs(40_000, 100, 200, 100))
    assert chart
    assert chart.is_cut
    assert "largest sync 40,000 records" in chart.label
    whole, top, *others = bars(chart.paths["good"])
    assert (whole[2], top[1], top[2]) == (CUT_AT, HEIGHT - CUT_AT - GAP, HEIGHT - CUT_AT - GAP)
    assert [high for *_, high in others] == [HEIGHT // 2, HEIGHT, HEIGHT // 2]


def test_a_sync_that_failed_is_open_whatever_it_loaded_and_one_that_runs_has_its_own_colour() -> None:
    chart = rows_chart([
        *syncs(5, 10**6, state=SyncState.FAILED), *syncs(10), *syncs(10, state=SyncState.RUNNING),
        *syncs(0, state=SyncState.INTERRUPTED),
    ])  # fmt: skip
    assert chart
    assert {tone: len(bars(path)) for tone, path in chart.paths.items()} == {"bad": 3, "good": 1, "busy": 1}
    assert {high for *_, high in bars(chart.paths["bad"])} == {HEIGHT - 1}
    assert chart.label.startswith("Last 5 syncs: 1 succeeded, 3 failed, 1 running; ")


@given(LOADED)
def test_every_sync_has_its_place_and_no_bar_leaves_the_chart(loaded: list[int]) -> None:
    chart = rows_chart(syncs(*loaded))
    assert chart
    found = bars(chart.paths["good"])
    assert {left for left, *_ in found} == {chart.left + n * (BAR + GAP) for n in range(len(loaded))}
    assert all(0 < high <= bottom <= HEIGHT for _, bottom, high in found)
    assert all(chart.left <= left <= WIDTH - BAR for left, *_ in found)


def test_one_alone_is_told_of_as_one() -> None:
    chart = rows_chart(syncs(7))
    assert chart
    assert chart.label == "Last sync: 1 succeeded, 0 failed; largest sync 7 records"
