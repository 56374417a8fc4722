"""Small charts as SVG paths: a bar for each of the last syncs, as high as the rows it loaded. Pure.

A first sync loads so much more than others that their bars would be flat, so a bar far above the usual ones is cut and
has a gap. portal.css has the colors, by class; a failed sync is a hollow bar, visible without color.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.recent_syncs import RECENT, RecentSync

BAR, GAP, HEIGHT, LEAST = 4, 2, 24, 2
CUT_ABOVE, CUT_AT = 4, 17
"""A bar higher than this many times the median is cut; and where its gap starts."""
WIDTH = RECENT * (BAR + GAP)


@dataclass(frozen=True, slots=True)
class Chart:
    """``paths``: class -> the path of all bars of that class; ``label``: the same in words."""

    paths: dict[str, str]
    label: str
    left: int = 0
    """Where the first bar starts."""
    is_cut: bool = False
    width: int = WIDTH
    height: int = HEIGHT


def rows_chart(recent: Sequence[RecentSync]) -> Chart | None:
    """The chart of the last syncs, newest at the right edge; None if there were none."""
    if not recent:
        return None
    most = max(sync.loaded for sync in recent)
    usual = CUT_ABOVE * median([sync.loaded for sync in recent if sync.loaded] or [0])
    top = max(sync.loaded for sync in recent if sync.loaded <= usual)
    paths: dict[str, str] = {}
    is_cut = False
    first = WIDTH - len(recent) * (BAR + GAP)
    for place, sync in enumerate(recent):
        tone, left = _tone(sync.state), first + place * (BAR + GAP)
        if tone == "bad":
            # A hollow bar means failed, whatever was loaded before, so it is as high as the chart.
            bar = _bar(left, HEIGHT, HEIGHT - 1)
        elif sync.loaded > top:
            is_cut = True
            bar = _bar(left, HEIGHT, CUT_AT) + _bar(left, HEIGHT - CUT_AT - GAP, HEIGHT - CUT_AT - GAP)
        else:
            bar = _bar(left, HEIGHT, max(LEAST, round(sync.loaded / top * HEIGHT)) if top else LEAST)
        paths[tone] = paths.get(tone, "") + bar
    counts = Counter(_tone(sync.state) for sync in recent)
    of = f"{len(recent)} syncs" if len(recent) > 1 else "sync"
    running = f", {counts['busy']} running" if counts["busy"] else ""
    largest = "largest sync 1 record" if most == 1 else f"largest sync {most:,} records"
    label = f"Last {of}: {counts['good']} succeeded, {counts['bad']} failed{running}; {largest}"
    return Chart(paths, label, first, is_cut)


def _bar(left: int, bottom: int, high: int) -> str:
    return f"M{left} {bottom}v-{high}h{BAR}v{high}z"


def _tone(state: SyncState) -> str:
    return "good" if state is SyncState.SUCCEEDED else "busy" if state is SyncState.RUNNING else "bad"
