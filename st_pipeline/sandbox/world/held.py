"""One tenant's data in the sandbox: shelves by entity, generated from the plan on first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from st_pipeline.sandbox import defects
from st_pipeline.sandbox.account import Account
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.endpoints import entities, entity
from st_pipeline.sandbox.shelf import START, Row, Shelf
from st_pipeline.sandbox.world import records
from st_pipeline.sandbox.world.plan import Plan

INVOICES = "accounting_invoices"


class World:
    """A tenant's records, as the API serves them at that moment.

    ``now`` (the sandbox's clock) and ``untypable`` (the share of defective records) are called on every read.
    """

    def __init__(
        self, account: Account, now: Callable[[], int], untypable: Callable[[], float], lock: threading.RLock
    ) -> None:
        self.account = account
        self.lock = lock
        self._now = now
        self._untypable = untypable
        self._plan: Plan | None = None
        self._shelves: dict[str, Shelf] = {}
        self._base: dict[str, int] = {}

    @property
    def plan(self) -> Plan:
        """The tenant's plan, created on first use."""
        with self.lock:
            if self._plan is None:
                self._plan = Plan(self.account)
                # A shelf filled after the plan has grown gets only the initial data: later records were committed to
                # it.
                columns = {column for _, column in records.WRITERS.values()}
                self._base = {column: records.column_length(self._plan, column) for column in columns}
            return self._plan

    def shelf(self, name: str) -> Shelf:
        """An entity's shelf, created on first use; KeyError for an unknown entity."""
        with self.lock:
            if name not in self._shelves:
                self._shelves[name] = self._fill(name)
            return self._shelves[name]

    def _fill(self, name: str) -> Shelf:
        entity(name)
        if name == records.ITEMS:
            invoices = self.shelf(INVOICES)
            return Shelf(records.item_rows(invoices.bodies[slot] for slot in invoices.order))
        rng = seeded(self.account.seed, self.account.tenant_id, name)
        plan = self.plan
        return Shelf(records.rows(plan, name, rng, range(self._base[records.WRITERS[name][1]])))

    def put(self, name: str, row: Row, visible_at: int) -> None:
        """Commit one version of one record, visible in exports from ``visible_at`` (ticks)."""
        with self.lock:
            if name == INVOICES:
                # Items come from the original invoices, so fill their shelf before an invoice is replaced.
                self.shelf(records.ITEMS)
            self.shelf(name).commit(row, max(visible_at, self._now()))

    def remove(self, name: str, record_id: int) -> bool:
        """Delete a record without a trace; False if it does not exist."""
        with self.lock:
            if name == INVOICES:
                self.shelf(records.ITEMS)
            return self.shelf(name).delete(record_id)

    def bodies(self, name: str, slots: Iterable[int]) -> list[bytes]:
        """Records' bytes as served, including any defects."""
        shelf, share = self.shelf(name), self._untypable()
        if not share:
            return [shelf.bodies[slot] for slot in slots]
        return [
            defects.spoil(name, shelf.ids[slot], shelf.bodies[slot])
            if defects.strikes(share, name, shelf.ids[slot])
            else shelf.bodies[slot]
            for slot in slots
        ]

    def served(self, name: str, *, recent: bool = False, defects: bool = True) -> list[bytes]:
        """Every record's JSON as an export from the beginning shows it now, in the export's order.

        Lists have no delay: for an entity without an export, or with ``recent``, it is the current state, by id.
        ``defects=False`` omits the defects added by the fault ``untypable``.
        """
        with self.lock:
            shelf = self.shelf(name)
            if recent or not entity(name).export:
                slots = reversed(shelf.newest_first())
            else:
                slots = shelf.walk(START, self._now())
            if not defects:
                return [shelf.bodies[slot] for slot in slots]
            return self.bodies(name, slots)

    def records(self, name: str, *, recent: bool = False, defects: bool = False) -> list[dict[str, Any]]:
        """The records as an export shows them now, decoded; by default without untypable defects (see ``served``)."""
        return [records.decode(body) for body in self.served(name, recent=recent, defects=defects)]

    def count(self, name: str, *, recent: bool = False) -> int:
        """The number of records that an export from the beginning shows now."""
        return len(self.served(name, recent=recent, defects=False))

    def counts(self) -> dict[str, int]:
        """``count`` for every entity."""
        return {one.name: self.count(one.name) for one in entities()}

    def defects(self, name: str) -> dict[int, str]:
        """The ids of currently defective records, and how: ``field`` (one member) or ``whole`` (no usable id)."""
        share = self._untypable()
        with self.lock:
            shelf = self.shelf(name)
            return {
                record_id: defects.kind(name, record_id)
                for record_id in shelf.latest
                if share and defects.strikes(share, name, record_id)
            }
