"""List pages: which records a query selects, in which order, and their JSON. querying.py parses the parameters."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from st_pipeline.sandbox.querying import Member, Query
from st_pipeline.sandbox.shelf import Shelf


def select(shelf: Shelf, query: Query) -> list[int]:
    """The slots of all records that match a query, in the query's order."""
    slots: Iterable[int] = shelf.newest_first()
    if query.ids is not None:
        slots = [shelf.latest[one] for one in sorted(query.ids, reverse=True) if one in shelf.latest]
    if query.active is not None:
        slots = [slot for slot in slots if bool(shelf.active[slot]) is query.active]
    for column, (least, before) in ((shelf.created, query.created), (shelf.modified, query.modified)):
        if least is not None:
            slots = [slot for slot in slots if column[slot] >= least]
        if before is not None:
            slots = [slot for slot in slots if column[slot] < before]
    if query.members:
        slots = [slot for slot in slots if _wanted(shelf.bodies[slot], query.members)]
    return _ordered(shelf, list(slots), query)


def _wanted(body: bytes, members: list[Member]) -> bool:
    record = msgspec.json.decode(body)
    return all(member(record) for member in members)


def _ordered(shelf: Shelf, slots: list[int], query: Query) -> list[int]:
    if query.sort == "id":
        return slots if query.descending else slots[::-1]
    if query.sort in ("modifiedon", "createdon"):
        column = shelf.modified if query.sort == "modifiedon" else shelf.created
        return sorted(slots, key=lambda slot: (column[slot], shelf.ids[slot]), reverse=query.descending)
    name = query.sort

    def by_text(slot: int) -> tuple[str, int]:
        return str(msgspec.json.decode(shelf.bodies[slot]).get(name) or ""), shelf.ids[slot]

    return sorted(slots, key=by_text, reverse=query.descending)


def without_active(body: bytes) -> bytes:
    """A record as the list writes it, if the export has a member ``active`` and the list does not."""
    for tail in (b',"active":true}', b',"active":false}', b',"active":null}'):
        if body.endswith(tail):
            return body[: -len(tail)] + b"}"
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return body
    if members.pop("active", None) is None:
        return body
    return msgspec.json.encode(members)
