"""Simulated activity in a tenant: edits, inactivations, additions and late commits, determined by a seed.

Changes are committed at the clock's current time and appear in exports 15 minutes later. To commit a specific record,
use ``Sandbox.commit`` (server.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.shelf import EXPORT_DELAY, Row
from st_pipeline.sandbox.world import people, records
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.held import INVOICES, World
from st_pipeline.sandbox.world.records import ITEMS

EDITABLE = (
    "crm_customers", "crm_customer_contacts", "crm_locations", "jpm_jobs", "jpm_appointments", INVOICES,
    "accounting_payments", "memberships_memberships",
)  # fmt: skip
LATE_BY = 40 * instants.MINUTE

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass
class Changed:
    """The ids that changed, by entity."""

    edits: dict[str, list[int]] = field(default_factory=dict)
    inactivations: dict[str, list[int]] = field(default_factory=dict)
    additions: dict[str, list[int]] = field(default_factory=dict)
    late: dict[str, list[int]] = field(default_factory=dict)


def change(
    world: World,
    now: int,
    seed: int,
    *,
    edits: int = 0,
    inactivations: int = 0,
    additions: int = 0,
    late: int = 0,
    entities: Sequence[str] | None = None,
) -> Changed:
    """Change a tenant's data as of ``now`` (ticks). The counts are records to edit, to make inactive and to add.

    One edit in eight moves ``modifiedOn`` only halfway to now, so it stays older than others. Of every four additions,
    one is a customer with contacts, location and memberships; three are visits with job, appointments, invoice, items
    and payment. Every other addition has the same ``modifiedOn``. Late additions are visits whose ``modifiedOn`` is 40
    minutes in the past. ``entities`` limits edits and inactivations.
    """
    rng = seeded(seed, world.account.tenant_id, "change")
    done = Changed()
    names = list(entities or EDITABLE)
    for count, act, into in ((edits, _edit, done.edits), (inactivations, _inactivate, done.inactivations)):
        for _ in range(count):
            name = names[int(rng.random() * len(names))]
            touched = _choose(world, name, rng)
            if touched is not None and act(world, name, touched, rng, now):
                into.setdefault(name, []).append(touched)
    shape, world.plan.shape = world.plan.shape, rng
    try:
        for n in range(additions):
            moment = now if n % 2 == 0 else now - 1 - int(rng.random() * instants.MINUTE)
            add = _add_customer if n % 4 == 3 or not world.plan.customers else _add_visit
            add(world, moment, rng, now, done.additions)
        for _ in range(late):
            _add_visit(world, now - LATE_BY - int(rng.random() * instants.MINUTE), rng, now, done.late)
    finally:
        world.plan.shape = shape
    return done


def _choose(world: World, name: str, rng: Random) -> int | None:
    slots = world.shelf(name).newest_first()
    return world.shelf(name).ids[slots[int(rng.random() * len(slots))]] if slots else None


def _edit(world: World, name: str, record_id: int, rng: Random, now: int) -> bool:
    """Edit one record; False if it cannot be edited."""
    shelf = world.shelf(name)
    slot = shelf.latest[record_id]
    record = _decoded(shelf.bodies[slot])
    if record is None:
        return False
    modified = now
    if rng.random() < 0.125:
        modified = min(now, shelf.modified[slot] + max(1, (now - shelf.modified[slot]) // 2))
    edited_item = _EDITS[name](record, rng) if name in _EDITS else None
    record["modifiedOn"] = instants.text(modified)
    if edited_item is not None:
        edited_item["modifiedOn"] = record["modifiedOn"]
    body = records.encode(record)
    row = Row(record_id, body, shelf.created[slot], modified, bool(shelf.active[slot]))
    world.put(name, row, now + EXPORT_DELAY)
    if edited_item is not None:
        for item in records.item_rows(iter([body])):
            if item.id == edited_item["id"]:
                world.put(ITEMS, item, now + EXPORT_DELAY)
    return True


def _inactivate(world: World, name: str, record_id: int, rng: Random, now: int) -> bool:
    """Make one record inactive (half of the customers by a merge); False if that is not possible."""
    shelf = world.shelf(name)
    slot = shelf.latest[record_id]
    record = _decoded(shelf.bodies[slot])
    if record is None:
        return False
    record["active"] = False
    if name == "crm_customers" and rng.random() < 0.5:
        record["mergedToId"] = _choose(world, name, rng)
    record["modifiedOn"] = instants.text(now)
    row = Row(record_id, records.encode(record), shelf.created[slot], now, False)
    world.put(name, row, now + EXPORT_DELAY)
    return True


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError:
        return None


def _edit_customer(record: dict[str, Any], rng: Random) -> None:
    record["name"] = people.customer_name(rng)
    record["balance"] = round(rng.random() * 500, 2)


def _edit_contact(record: dict[str, Any], rng: Random) -> None:
    record["value"] = people.email(rng) if record.get("type") == "Email" else people.phone(rng)


def _edit_location(record: dict[str, Any], rng: Random) -> None:
    record["address"] = {**(record.get("address") or {}), **people.address(rng)._asdict()}


def _edit_job(record: dict[str, Any], rng: Random) -> None:
    record["summary"] = people.work(rng)
    record["jobStatus"] = "Completed"


def _edit_appointment(record: dict[str, Any], rng: Random) -> None:
    start = ids.HISTORY_TO + int(rng.random() * 60 * 24) * instants.HOUR
    record["start"], record["end"] = instants.text(start), instants.text(start + 2 * instants.HOUR)


def _edit_invoice(record: dict[str, Any], rng: Random) -> dict[str, Any] | None:
    """Change the summary and, a third of the time, the text of an item in both the invoice and the item export."""
    record["summary"] = people.work(rng)
    record["sentStatus"] = "Opened"
    if record.get("items") and rng.random() < 0.34:
        item = record["items"][0]
        item["description"] = people.work(rng)
        return item
    return None


def _edit_payment(record: dict[str, Any], rng: Random) -> None:
    record["memo"] = people.note(rng)


def _edit_membership(record: dict[str, Any], rng: Random) -> None:
    record["status"] = ("Active", "Suspended", "Expired", "Canceled")[int(rng.random() * 4)]


_EDITS: dict[str, Callable[[dict[str, Any], Random], dict[str, Any] | None]] = {
    "crm_customers": _edit_customer,
    "crm_customer_contacts": _edit_contact,
    "crm_locations": _edit_location,
    "jpm_jobs": _edit_job,
    "jpm_appointments": _edit_appointment,
    INVOICES: _edit_invoice,
    "accounting_payments": _edit_payment,
    "memberships_memberships": _edit_membership,
}


def _put_all(world: World, name: str, rows: Sequence[Row], now: int, into: dict[str, list[int]]) -> None:
    for row in rows:
        world.put(name, row, now + EXPORT_DELAY)
        into.setdefault(name, []).append(row.id)


def _add_customer(world: World, moment: int, rng: Random, now: int, into: dict[str, list[int]]) -> None:
    plan = world.plan
    index = plan.add_customer(moment, moment)
    for name in ("crm_customers", "crm_customer_contacts", "memberships_memberships"):
        _put_all(world, name, list(records.rows(plan, name, rng, range(index, index + 1))), now, into)
    home = plan.home[index]
    for name in ("crm_locations", "crm_location_contacts"):
        _put_all(world, name, list(records.rows(plan, name, rng, range(home, home + 1))), now, into)


def _add_visit(world: World, moment: int, rng: Random, now: int, into: dict[str, list[int]]) -> None:
    plan = world.plan
    plan.add_visit(moment, moment, complete=True)
    only = range(plan.visits - 1, plan.visits)
    for name in ("jpm_jobs", "jpm_appointments", INVOICES, "accounting_payments"):
        rows = list(records.rows(plan, name, rng, only))
        _put_all(world, name, rows, now, into)
        if name == INVOICES:
            _put_all(world, ITEMS, list(records.item_rows(row.body for row in rows)), now, into)
