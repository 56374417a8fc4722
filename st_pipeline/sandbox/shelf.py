"""One tenant's records of one entity: serialized, in the order in which they become visible, never rebuilt.

Each commit is a slot in parallel columns, numbered in commit order. An export is a walk over the slots. exporting.py
has the paging, listing.py the filtering.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from st_pipeline.sandbox import instants

EXPORT_DELAY = 15 * instants.MINUTE
GONE = -1


class Row(NamedTuple):
    """One version of one record: its JSON and the members used for paging and filtering (times in ticks)."""

    id: int
    body: bytes
    created: int
    modified: int
    active: bool


class Position(NamedTuple):
    """A place in visibility order: just after commit ``slot``, which became visible at ``visible``."""

    visible: int
    slot: int


START = Position(-(2**62), -1)


class Shelf:
    """Commits of one entity, ordered by when they become visible. Not thread-safe: the sandbox holds one lock."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.ids = array("q")
        self.bodies: list[bytes] = []
        self.created = array("q")
        self.modified = array("q")
        self.visible = array("q")
        self.active = bytearray()
        self.order = array("q")
        self.latest: dict[int, int] = {}
        self._superseded: dict[int, int] = {}
        self._newest_first: list[int] | None = None
        for row in sorted(rows, key=lambda row: (row.modified, row.id)):
            self._append(row, row.modified + EXPORT_DELAY)
            self.order.append(len(self.ids) - 1)
            self.latest[row.id] = len(self.ids) - 1

    def _append(self, row: Row, visible: int) -> None:
        self.ids.append(row.id)
        self.bodies.append(row.body)
        self.created.append(row.created)
        self.modified.append(row.modified)
        self.active.append(row.active)
        self.visible.append(visible)

    def commit(self, row: Row, visible_at: int) -> None:
        """Add or replace a record. It becomes visible at ``visible_at``, but never before its earlier versions.

        Until then, exports still show the previous version.
        """
        before = self.latest.get(row.id)
        visible = visible_at if before is None else max(visible_at, self.visible[before])
        slot = len(self.ids)
        self._append(row, visible)
        place = bisect_right(self.order, (visible, slot), key=self._key)
        self.order.insert(place, slot)
        if before is not None:
            self._superseded[before] = slot
        self.latest[row.id] = slot
        self._newest_first = None

    def delete(self, record_id: int) -> bool:
        """Remove every version of a record without a trace; False if it does not exist."""
        if self.latest.pop(record_id, None) is None:
            return False
        for slot, one in enumerate(self.ids):
            if one == record_id:
                self._superseded[slot] = GONE
        self._newest_first = None
        return True

    def _key(self, slot: int) -> tuple[int, int]:
        return (self.visible[slot], slot)

    def walk(self, after: Position, horizon: int) -> Iterator[int]:
        """The slots an export shows after a position, up to what is visible at ``horizon`` (ticks)."""
        superseded, visible, order = self._superseded, self.visible, self.order
        start = bisect_right(order, (after.visible, after.slot), key=self._key)
        for place in range(start, len(order)):
            slot = order[place]
            if visible[slot] > horizon:
                return
            if superseded:
                newer = superseded.get(slot)
                if newer is not None and (newer == GONE or visible[newer] <= horizon):
                    continue
            yield slot

    def newest_first(self) -> list[int]:
        """The current version of every record, by descending id: the default order of lists."""
        if self._newest_first is None:
            latest = self.latest
            self._newest_first = [latest[record_id] for record_id in sorted(latest, reverse=True)]
        return self._newest_first
