"""Parse the API's two envelopes into a Page, with each record's exact bytes.

Exports: ``{"hasMore", "continueFrom", "data"}``; lists: ``{"page", "pageSize", "hasMore", "totalCount", "data"}``, and
a few that return a bare array. landing/ interprets the records.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

_BOM = b"\xef\xbb\xbf"
# Each record and value costs memory of its own, far more than its bytes if those are few.
MOST_RECORDS = 100_000
MOST_VALUES = 4_000_000
LONGEST_TOKEN = 8_192  # characters; it goes into a URL
_LARGEST_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """One response from an export or list."""

    records: list[msgspec.Raw]
    """The exact bytes of each record: object, number, string or null. Views that keep the whole body in memory.

    Call ``Raw.copy()`` to keep a record longer than its page.
    """
    size: int
    """Size of the body, decompressed."""
    has_more: bool
    continue_from: str | None
    """Exports: the token for the next page; None if the response has none."""
    total_count: int | None
    """Lists: the total number of records, if the response has it."""


class _Envelope(msgspec.Struct):
    """Both envelopes; missing or malformed members are tolerated."""

    data: list[msgspec.Raw] | None
    hasMore: bool | None = None
    continueFrom: str | int | None = None
    totalCount: int | None = None
    pageSize: int | None = None


class NotAPage(ValueError):
    """The body is not a page: not UTF-8, not JSON, truncated, or without ``data``. The message never quotes it."""


class PageTooLarge(NotAPage):
    """The page is above a limit, which the message names. The same request would return the same again."""


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def parse_page(body: bytes, *, page_size: int = 0) -> Page:
    """The page in a body; NotAPage for anything else, PageTooLarge for a page above a limit.

    If ``hasMore`` is missing, there is more if an export returns both records and a token (an empty page ends it), or
    if a list fills its page: ``pageSize`` in the response, else the requested ``page_size``.
    """
    size = len(body)
    body = body.removeprefix(_BOM)
    _check_utf8(body)
    if (values := sum(map(body.count, (b",", b"[", b"{")))) > MOST_VALUES:
        raise PageTooLarge(f"the page has about {values:,} values, and the limit is {MOST_VALUES:,}")
    envelope = _decoded(body)
    if envelope is None:
        envelope = _split_slowly(body.decode())
    records = envelope.data or []
    if len(records) > MOST_RECORDS:
        raise PageTooLarge(f"the page has {len(records):,} records, and the limit is {MOST_RECORDS:,}")
    token = _token(envelope.continueFrom)
    has_more = envelope.hasMore
    if has_more is None:
        full = envelope.pageSize or page_size
        has_more = bool(records) and (token is not None or 0 < full <= len(records))
    total = envelope.totalCount
    return Page(records, size, has_more, token, total if total is not None and 0 <= total <= _LARGEST_COUNT else None)


def _token(given: str | int | None) -> str | None:
    """A continuation token that can be stored and sent; NotAPage for any other."""
    token = "" if given is None else str(given)
    if len(token) > LONGEST_TOKEN:
        raise PageTooLarge(f"the continuation token has {len(token):,} characters, and the limit is {LONGEST_TOKEN:,}")
    if "\0" in token or any("\ud800" <= character <= "\udfff" for character in token):
        raise NotAPage("the continuation token has characters that cannot be stored")
    return token or None


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
    """The same with the standard library's parser, which accepts record contents that the fast one rejects.

    Lone surrogates (``"\ud800"``) and NaN must not lose the records around them: landing judges each record separately.
    """
    try:
        parsed = _SCAN.decode(text)
    except RecursionError:
        raise NotAPage("the body is nested too deeply") from None
    except ValueError:
        raise NotAPage("the body is not valid JSON, or was truncated") from None
    if isinstance(parsed, list):
        return _Envelope(_slices(text, text.index("[")), hasMore=False)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list | None) or "data" not in parsed:
        raise NotAPage("the body is JSON but not a page: it has no list named data")
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


def _whole(digits: str) -> int | float:
    """A whole number; infinity if it is longer than any that counts, because Python rejects the longest."""
    return int(digits) if len(digits) <= 20 else float("inf")


_SCAN = json.JSONDecoder(parse_int=_whole)


def _start_of_data(text: str) -> int:
    """Where the value of the outermost object's last ``data`` starts; the text must be such an object."""
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
    """The elements of the array at ``start``, exactly as written; none if it is null."""
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
