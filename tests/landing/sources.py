"""Pages without HTTP: an export and a list over records in memory, with the failures of real ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec import Raw

from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.servicetitan.errors import CursorRefused, Unavailable
from st_pipeline.servicetitan.pages import Page

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def clock(start: datetime = BEGAN) -> Callable[[], datetime]:
    """A clock that advances by a second each time it is read."""
    seconds = iter(range(10**9))
    return lambda: start + timedelta(seconds=next(seconds))


@dataclass
class Export:
    """A feed whose cursors are positions. It fails before record ``fails_at`` and rejects cursors in ``refused``."""

    records: Sequence[bytes]
    page_size: int = 3
    fails_at: int | None = None
    refused: Collection[str] = ()
    asked: list[str | None] = field(default_factory=list)

    def pages(self, endpoint: Endpoint, cursor: str | None = None) -> Iterator[Page]:
        self.asked.append(cursor)
        position, has_more = int(cursor or 0), True
        while has_more:
            if cursor in self.refused:
                raise CursorRefused("the token is not taken", tenant="t", entity=endpoint.entity, status=400)
            if self.fails_at is not None and position >= self.fails_at:
                raise Unavailable("no answer", tries=3, seconds=1.0, tenant="t", entity=endpoint.entity)
            records = self.records[position : position + self.page_size]
            position += len(records)
            has_more = position < len(self.records)
            yield Page([Raw(r) for r in records], sum(map(len, records)), has_more, str(position), None)


@dataclass
class List:
    """A list with a total; it withholds as many records as ``total`` exceeds its records."""

    records: Sequence[bytes]
    page_size: int = 3
    total: int | None = None
    asked: list[str | None] = field(default_factory=list)

    def pages(self, endpoint: Endpoint, cursor: str | None = None) -> Iterator[Page]:
        self.asked.append(cursor)
        total = len(self.records) if self.total is None else self.total
        for position in range(0, max(len(self.records), 1), self.page_size):
            records = self.records[position : position + self.page_size]
            has_more = position + self.page_size < len(self.records)
            yield Page([Raw(r) for r in records], sum(map(len, records)), has_more, None, total)
