"""Detects whether paging through an export or list makes progress, and for how long. client.py acts on it.

An empty page with a new token is progress: the next read starts after it. But a server that sends nothing else, or that
never ends, must not occupy a sync for good. Pure bookkeeping: time enters as an argument.
"""

from __future__ import annotations

import hashlib

from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.pages import Page

EMPTY_IN_A_ROW = 1000
EMPTY_SECONDS = 600.0
LONGEST_SECONDS = 4 * 3600.0  # below the longest run in dagster.yaml, which ends for all its tenants at once


class Progress:
    """What one iteration has seen. ``stalled`` judges a page, ``accept`` remembers it, ``limit`` judges the whole.

    Times are ``time.monotonic()``.
    """

    def __init__(self, endpoint: Endpoint, cursor: str | None, began: float) -> None:
        self._endpoint = endpoint
        self._tokens = set() if cursor is None else {_digest(cursor.encode())}
        self._last_page = b""
        self._empty = 0
        self._began = self._last_record_at = began

    def stalled(self, page: Page) -> str | None:
        """Why reading past this page would make no progress; None if it would, or if this is the last page."""
        if not page.has_more:
            return None
        return self._stalled_export(page) if self._endpoint.kind is Kind.EXPORT else self._stalled_list(page)

    def accept(self, page: Page, now: float) -> None:
        """Record that the page arrived."""
        self._empty = 0 if page.records else self._empty + 1
        if page.records:
            self._last_record_at = now
        if page.continue_from is not None:
            self._tokens.add(_digest(page.continue_from.encode()))
        self._last_page = _of_records(page)

    def limit(self, now: float) -> str | None:
        """Why to stop here although there is more; None to go on."""
        if self._empty >= EMPTY_IN_A_ROW or (self._empty and now - self._last_record_at >= EMPTY_SECONDS):
            return f"sent {self._empty:,} empty pages in a row, each with a new continuation token"
        if now - self._began >= LONGEST_SECONDS:
            return f"still has more records after {LONGEST_SECONDS / 3600:.0f} hours"
        return None

    def _stalled_export(self, page: Page) -> str | None:
        if page.continue_from is None:
            return "the API says there is more but sends no continuation token"
        if _digest(page.continue_from.encode()) in self._tokens:
            return "the API sent the same continuation token twice"
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
