"""A JSON object -> the verbatim text of each member. Nothing is typed here.

The fast parser accepts only strict JSON. Some servers write ``NaN`` for an amount, so an object that only the standard
library's parser accepts is split by that parser, and only the bad member is lost.
"""

from __future__ import annotations

import json

import msgspec
from msgspec import Raw

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_SCAN = json.JSONDecoder(parse_int=str, parse_float=str)  # the values are discarded


class NotAnObject(ValueError):
    """The text isn't a JSON object or is nested too deeply to read. The message says which."""


def parse_members(record: bytes | Raw) -> dict[str, Raw]:
    """Name -> JSON text of each member. If a name appears twice, the last one counts.

    Raises:
        NotAnObject: a different JSON value, or not JSON at all.
    """
    try:
        return _MEMBERS.decode(record)
    except RecursionError:
        raise NotAnObject("nested too deeply") from None
    except msgspec.MsgspecError:
        pass
    try:
        return _split(bytes(record).decode())
    except RecursionError:
        raise NotAnObject("nested too deeply") from None
    except (ValueError, IndexError):
        raise NotAnObject("not a JSON object") from None


def is_object(text: Raw) -> bool:
    """Whether a JSON text is an object."""
    return memoryview(text)[:1] == b"{"


def is_json(text: Raw) -> bool:
    """Whether a text is strict JSON."""
    try:
        msgspec.json.decode(text, type=Raw)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _split(text: str) -> dict[str, Raw]:
    value, end = _SCAN.raw_decode(text, position := _skip(text, 0))
    if not isinstance(value, dict) or text[end:].strip(" \t\r\n"):
        raise ValueError("not an object")
    found: dict[str, Raw] = {}
    position = _skip(text, position + 1)
    while text[position] != "}":
        name, position = _SCAN.raw_decode(text, position)
        position = _skip(text, _skip(text, position) + 1)  # past the colon
        _, end = _SCAN.raw_decode(text, position)
        found[name] = Raw(text[position:end].encode())
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position
