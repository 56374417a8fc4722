"""Export pages: where one starts, what it holds, and the opaque token that continues it.

A token is a position in the order in which commits become visible, not in ``modifiedOn``: what is committed late,
with an old ``modifiedOn``, comes after every token given out before. The real API's own format is not known.
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
    """Where an export goes on.

    ``floor``: everything visible up to here was given out; the last token returns to it.
    ``place``: where the next page starts, beyond the floor only while recent changes are read. ``since`` (ticks): the
    date the export was started with, which holds until its last page.
    """

    floor: Position = START
    place: Position = START
    since: int | None = None


@dataclass(frozen=True)
class Page:
    """Slots of one page in order, whether more can be had right away, and where to continue."""

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
    """The next page: at most ``limit`` records visible at ``now``; with ``recent`` also those of the last 15 minutes.

    Recent ones do not move the token that the last page ends with, so they are given out again later.
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
    """The cursor of a token; None where it is no token, or another endpoint's."""
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
    """The cursor of the parameter ``from``: absent (the beginning), a date, or a token; None for anything else."""
    if not value:
        return Cursor()
    since = instants.parse(value)
    if since is not None:
        return Cursor(since=since)
    return read_token(endpoint, value)
