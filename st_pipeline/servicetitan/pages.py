"""The two envelopes of the API -> Page: records as the very bytes that came.

Exports: ``{"hasMore", "continueFrom", "data"}``; lists: ``{"page", "pageSize", "hasMore", "totalCount", "data"}``, and
a few that answer a bare array. What a record holds is landing's business.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of an export or list."""

    records: list[msgspec.Raw]
    """Each the verbatim bytes of one record, whatever it is: object, number, string, null. Views into the body: they
    keep the whole of it alive; ``Raw.copy()`` for one that stays longer than its page."""
    size: int
    """Bytes of the body, unpacked."""
    has_more: bool
    continue_from: str | None
    """Exports: the token that continues after this page; None where the answer has none."""
    total_count: int | None
    """Lists: how many records there are in all, where the answer says so."""


class _Envelope(msgspec.Struct):
    """Both envelopes; members that a server leaves out or fills oddly do no harm."""

    data: list[msgspec.Raw] | None
    hasMore: bool | None = None
    continueFrom: str | int | None = None
    totalCount: int | None = None
    pageSize: int | None = None


class NotAPage(ValueError):
    """The body is no page: not UTF-8, not JSON, cut off, or without ``data``. The text does not quote it."""


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def parse_page(body: bytes, *, page_size: int = 0) -> Page:
    """The page in a body; NotAPage for anything else.

    Where ``hasMore`` is missing, an export that hands out records and a token is taken to have more (the next call says
    otherwise with an empty page), and so is a list that fills its page: ``pageSize`` of the answer, else ``page_size``
    as it was asked for.
    """
    size = len(body)
    body = body.removeprefix(_BOM)
    _check_utf8(body)
    envelope = _decoded(body)
    if envelope is None:
        envelope = _split_slowly(body.decode())
    records = envelope.data or []
    token = None if envelope.continueFrom in (None, "") else str(envelope.continueFrom)
    has_more = envelope.hasMore
    if has_more is None:
        full = envelope.pageSize or page_size
        has_more = bool(records) and (token is not None or 0 < full <= len(records))
    return Page(records, size, has_more, token, envelope.totalCount)


def _check_utf8(body: bytes) -> None:
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError:
        raise NotAPage("the body is not UTF-8") from None


def _decoded(body: bytes) -> _Envelope | None:
    try:
        if body.lstrip()[:1] == b"[":
            return _Envelope(_ARRAY.decode(body), hasMore=False)
        return _ENVELOPE.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _split_slowly(text: str) -> _Envelope:
    """The same with the standard library's parser, which takes what the fast one refuses inside of a record.

    Lone surrogates (``"\\ud800"``) and NaN are no reason to lose the records around them: landing judges each alone.
    """
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAPage("the body is no JSON, or was cut off") from None
    if isinstance(parsed, list):
        return _Envelope(_slices(text, text.index("[")), hasMore=False)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list | None) or "data" not in parsed:
        raise NotAPage("the body is JSON, but no page: it has no list named data")
    start = _start_of_data(text)
    return _Envelope(
        data=_slices(text, start),
        hasMore={"true": True, "false": False}.get(str(parsed.get("hasMore")).lower()),
        continueFrom=_only(str, parsed.get("continueFrom")) or _only(int, parsed.get("continueFrom")),
        totalCount=_only(int, parsed.get("totalCount")),
        pageSize=_only(int, parsed.get("pageSize")),
    )


def _only(kind: type, value: Any) -> Any:
    return value if type(value) is kind else None


_SCAN = json.JSONDecoder()


def _start_of_data(text: str) -> int:
    """Where the value of the outermost object's last ``data`` begins; the text is known to be such an object."""
    position, found = _skip(text, 0) + 1, -1
    while text[position := _skip(text, position)] != "}":
        if text[position] == ",":
            position = _skip(text, position + 1)
        name, position = _SCAN.raw_decode(text, position)
        position = _skip(text, _skip(text, position) + 1)
        if name == "data":
            found = position
        _, position = _SCAN.raw_decode(text, position)
    return found


def _slices(text: str, start: int) -> list[msgspec.Raw]:
    """The elements of the array that begins at ``start``, as they are written; none where there is a null."""
    records: list[msgspec.Raw] = []
    if text[start] != "[":
        return records
    position = _skip(text, start + 1)
    while text[position] != "]":
        if text[position] == ",":
            position = _skip(text, position + 1)
        _, end = _SCAN.raw_decode(text, position)
        records.append(msgspec.Raw(text[position:end].encode()))
        position = _skip(text, end)
    return records


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position
