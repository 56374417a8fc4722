"""What one request may cost: seconds, bytes from the network, and bytes unpacked. transport.py applies the limits.

A server may be broken or hostile. That must cost its own tenant a sync, and nothing else memory or time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

MEGABYTE = 1024 * 1024
_PIECE = MEGABYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request."""

    connect_seconds: float = 10.0
    read_seconds: float = 120.0
    """Between two reads; the server ends a call after 100 s."""
    total_seconds: float = 300.0
    """From the connection to the last byte."""
    until: float = math.inf
    """When every request ends, and none begins any more (``time.monotonic()``)."""
    body_bytes: int = 100 * MEGABYTE
    """Of a body, as sent and unpacked. A page of 5,000 records is a tenth of that."""
    short_body_bytes: int = MEGABYTE
    """The same for a body that is never a page: a token, or an error."""


class TooLarge(Exception):
    """A body is larger than its limit. The text is a clause that names both."""


class Body(Protocol):
    """What urllib3 gives to read a body from."""

    def read(self, amt: int, decode_content: bool) -> bytes: ...

    def tell(self) -> int: ...


def read_body(body: Body, announced: str | None, limit: int) -> bytes:
    """All of a body, unpacked. Stops at the limit, whatever the body would unpack to.

    ``announced`` is the header ``Content-Length``.

    Raises:
        TooLarge: the body has more than ``limit`` bytes.
    """
    if announced and announced.isascii() and announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise TooLarge(f"the response has {readable_size(int(announced))}, and the limit is {readable_size(limit)}")
    pieces: list[bytes] = []
    size = 0
    while piece := body.read(_PIECE, decode_content=True):
        size += len(piece)
        if size > limit:
            raise TooLarge(_too_large(body.tell(), size, limit))
        pieces.append(piece)
    return b"".join(pieces)


def readable_size(size: int) -> str:
    """A size in bytes, for people: ``3,072 MB``, ``98 KB``."""
    return f"{size / MEGABYTE:,.0f} MB" if size >= MEGABYTE else f"{size / 1024:,.0f} KB"


def _too_large(received: int, size: int, limit: int) -> str:
    unpacked = f": {readable_size(received)} unpacked to {readable_size(size)} and more" if received < size // 2 else ""
    return f"the response is larger than {readable_size(limit)}, the limit for one response{unpacked}"
