"""Small charts as SVG paths: a bar for each of the last syncs, as high as the rows it loaded. Pure.

Colours are portal.css's, by class; without colour a sync that failed is an open bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from st_pipeline.monitoring.overview import RECENT, RecentSync
from st_pipeline.monitoring.sync_history import SyncState

BAR, GAP, HEIGHT, LEAST = 4, 2, 24, 2
WIDTH = RECENT * (BAR + GAP)


@dataclass(frozen=True, slots=True)
class Chart:
    """``paths``: class -> the path of all bars of that class; ``label``: the same in words."""

    paths: dict[str, str]
    label: str
    width: int = WIDTH
    height: int = HEIGHT


def rows_chart(recent: Sequence[RecentSync]) -> Chart | None:
    """The last syncs, the newest at the right edge; None: there were none."""
    if not recent:
        return None
    most = max(sync.loaded for sync in recent)
    paths: dict[str, str] = {}
    left = WIDTH - len(recent) * (BAR + GAP)
    for place, sync in enumerate(recent):
        tone = _tone(sync.state)
        # An open bar says that it failed, whatever it loaded before: it is as high as the chart.
        high = HEIGHT - 1 if tone == "bad" else max(LEAST, round(sync.loaded / most * HEIGHT)) if most else LEAST
        paths[tone] = paths.get(tone, "") + f"M{left + place * (BAR + GAP)} {HEIGHT}v-{high}h{BAR}v{high}z"
    failed = sum(_tone(sync.state) == "bad" for sync in recent)
    label = f"Last {len(recent)} syncs: {len(recent) - failed} well, {failed} failed, at most {most:,} rows"
    return Chart(paths, label if len(recent) > 1 else label.replace("1 syncs", "sync"))


def _tone(state: SyncState) -> str:
    return "good" if state is SyncState.SUCCEEDED else "busy" if state is SyncState.RUNNING else "bad"
