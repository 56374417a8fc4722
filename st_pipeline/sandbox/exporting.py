"""Export pages: where a page starts, what it contains, and the opaque token for the next one.

A token is a position in the order in which commits become visible, not in ``modifiedOn`` order: a late commit with an
old ``modifiedOn`` comes after every token issued before it. The real API's token format is not documented.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.shelf import EXPORT_DELAY, START, Position, Shelf

_LAYOUT = struct.Struct(">Iqqqqq")
_NO_DATE = -(2**62)


@dataclass(frozen=True)
class Cursor:
    """Where an export continues.

    ``floor``: everything visible up to here was returned; the last token goes back to it. ``place``: where the next
    page starts, beyond the floor only while reading recent changes. ``since`` (ticks): the start date of the export,
    which applies through its last page.
    """

    floor: Position = START
    place: Position = START
    since: int | None = None


@dataclass(frozen=True)
class Page:
    """Slots of one page in order, whether more is available now, and where to continue."""

    slots: list[int]
    has_more: bool
    cursor: Cursor


def page(
    shelf: Shelf,
    cursor: Cursor,
    limit: int,
    now: int,
    *,
    recent: bool = False,
    wanted: Callable[[int], bool] | None = None,
) -> Page:
    """The next page: at most ``limit`` records visible at ``now``; with ``recent`` also those from the last 15 minutes.

    Recent records do not advance the last page's token, so a later export returns them again.
    """
    slots: list[int] = []
    has_more = False
    last, floor = cursor.place, cursor.floor
    unbroken = cursor.place == cursor.floor
    for slot in shelf.walk(cursor.place, now + EXPORT_DELAY if recent else now):
        fits = cursor.since is None or shelf.modified[slot] >= cursor.since
        if fits and (wanted is None or wanted(slot)):
            if len(slots) == limit:
                has_more = True
                break
            slots.append(slot)
        last = Position(shelf.visible[slot], slot)
        if unbroken and last.visible <= now:
            floor = last
    following = Cursor(floor, last, cursor.since) if has_more else Cursor(floor, floor, None)
    return Page(slots, has_more, following)


def _mask(nonce: int, data: bytes) -> bytes:
    key = hashlib.blake2b(bytes([nonce]), digest_size=64).digest()
    return bytes(a ^ b for a, b in zip(data, key, strict=False))


def write_token(endpoint: str, cursor: Cursor) -> str:
    """The token for a cursor: standard base64 that always contains ``+``, ``/`` and ``=``."""
    plain = _LAYOUT.pack(
        zlib.crc32(endpoint.encode()), *cursor.floor, *cursor.place, _NO_DATE if cursor.since is None else cursor.since
    )
    plain += zlib.crc32(plain).to_bytes(4, "big")
    token = ""
    for nonce in range(256):
        # 1 + 48 + 1 bytes: not a multiple of three, so the text ends in "=".
        token = base64.b64encode(bytes([nonce]) + _mask(nonce, plain) + b"\x01").decode()
        if "+" in token and "/" in token:
            break
    return token


def read_token(endpoint: str, token: str) -> Cursor | None:
    """The cursor in a token; None if the token is invalid or belongs to another endpoint."""
    try:
        data = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != _LAYOUT.size + 6:
        return None
    plain = _mask(data[0], data[1:-1])
    body, check = plain[: _LAYOUT.size], plain[_LAYOUT.size :]
    if zlib.crc32(body).to_bytes(4, "big") != check:
        return None
    owner, floor_visible, floor_slot, visible, slot, since = _LAYOUT.unpack(body)
    if owner != zlib.crc32(endpoint.encode()):
        return None
    return Cursor(Position(floor_visible, floor_slot), Position(visible, slot), None if since == _NO_DATE else since)


def read_start(endpoint: str, value: str | None) -> Cursor | None:
    """The cursor in the parameter ``from``: absent (the beginning), a date or a token; None if it is invalid."""
    if not value:
        return Cursor()
    since = instants.parse(value)
    if since is not None:
        return Cursor(since=since)
    return read_token(endpoint, value)
