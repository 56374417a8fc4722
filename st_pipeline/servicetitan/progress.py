"""Detects whether paging through an export or list makes progress. Pure bookkeeping; client.py acts on it."""

from __future__ import annotations

import hashlib

from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.pages import Page

# Exports may occasionally return an empty page with a new token; this many in a row means a loop.
_EMPTY_IN_A_ROW = 100


class Progress:
    """What one iteration has seen. ``stalled`` judges a page, ``accept`` remembers it."""

    def __init__(self, endpoint: Endpoint, cursor: str | None) -> None:
        self._endpoint = endpoint
        self._tokens = set() if cursor is None else {_digest(cursor.encode())}
        self._last_page = b""
        self._empty = 0

    def stalled(self, page: Page) -> str | None:
        """Why reading past this page would make no progress; None if it would, or if this is the last page."""
        if not page.has_more:
            return None
        return self._stalled_export(page) if self._endpoint.kind is Kind.EXPORT else self._stalled_list(page)

    def accept(self, page: Page) -> None:
        """Record that the page was yielded."""
        self._empty = 0 if page.records else self._empty + 1
        if page.continue_from is not None:
            self._tokens.add(_digest(page.continue_from.encode()))
        self._last_page = _of_records(page)

    def _stalled_export(self, page: Page) -> str | None:
        if page.continue_from is None:
            return "the API says there is more but sends no continuation token"
        if _digest(page.continue_from.encode()) in self._tokens:
            return "the API sent the same continuation token twice"
        if not page.records and self._empty >= _EMPTY_IN_A_ROW:
            return f"the API says there is more but sent {self._empty} empty pages in a row"
        return None

    def _stalled_list(self, page: Page) -> str | None:
        if not self._endpoint.is_paged:
            return "the API says there is more but takes no page number"
        if not page.records:
            return "the API says there is more but the page is empty"
        if _of_records(page) == self._last_page:
            return "the API sent the same page again"
        return None


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=12).digest()  # tokens may be long and numerous


def _of_records(page: Page) -> bytes:
    ends = bytes(page.records[0]) + b"\n" + bytes(page.records[-1]) if page.records else b""
    return _digest(b"%d\n" % len(page.records) + ends)
