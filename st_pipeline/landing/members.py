"""A JSON object -> the texts of its members, verbatim. Nothing is typed here.

The fast parser refuses what is no JSON in the strict sense. Servers that write ``NaN`` for an amount exist, so an
object that only the standard library's parser takes is split by that one: the bad member alone is lost.
"""

from __future__ import annotations

import json

import msgspec
from msgspec import Raw

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_SCAN = json.JSONDecoder(parse_int=str, parse_float=str)  # the values are thrown away


class NotAnObject(ValueError):
    """The text is no JSON object, or is nested too deeply to be read; the text says which."""


def members(record: bytes | Raw) -> dict[str, Raw]:
    """Name -> JSON text of each member; of two of the same name the last.

    Raises:
        NotAnObject: another JSON value, or no JSON at all.
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
    """Whether a JSON text is an object's."""
    return memoryview(text)[:1] == b"{"


def is_json(text: Raw) -> bool:
    """Whether a text is JSON in the strict sense."""
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
        position = _skip(text, _skip(text, position) + 1)  # over the colon
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
