"""Which of the catalogue's fields the records of a batch carry at all; a field that none carries has gone."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from st_pipeline.servicetitan.catalogue.model import Endpoint


class Presence:
    """Looks at rows until every field was seen once. Null counts as seen: the name is there."""

    def __init__(self, endpoint: Endpoint, seen: Iterable[str] = ()) -> None:
        """``seen``: what earlier files of the batch had."""
        self._columns = {field.path[0]: field.column for field in endpoint.fields}
        self.seen = set(seen) & self._columns.keys()
        self._unseen = self._columns.keys() - self.seen

    @property
    def missing(self) -> set[str]:
        """Top-level names that no record looked at had."""
        return set(self._unseen)

    def look(self, rows: pa.RecordBatch) -> None:
        """Take ``rows`` (of ``table_schema``) into account."""
        for name in sorted(self._unseen):
            typed = rows.column(self._columns[name])
            if typed.null_count < len(typed) or self._is_named(name, rows.column("_record")):
                self._unseen.discard(name)
                self.seen.add(name)

    @staticmethod
    def _is_named(name: str, records: pa.Array) -> bool:
        # A name inside a nested list counts too: better to miss a field that went than to report one that didn't.
        return bool(pc.any(pc.match_substring(records, f'"{name}"')).as_py())
