"""Which catalog fields appear in a batch's records. A field that appears in none is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from st_pipeline.servicetitan.catalogue.model import Endpoint


class Presence:
    """Checks rows until every field was seen once. Null counts as seen, because the name is there."""

    def __init__(self, endpoint: Endpoint, seen: Iterable[str] = ()) -> None:
        """``seen``: what earlier files of the batch had."""
        self._columns = {field.path[0]: field.column for field in endpoint.fields}
        self.seen = set(seen) & self._columns.keys()
        self._unseen = self._columns.keys() - self.seen

    @property
    def missing(self) -> set[str]:
        """Top-level names that no record had so far."""
        return set(self._unseen)

    def collect(self, rows: pa.RecordBatch) -> None:
        """Take ``rows`` (of ``table_schema``) into account."""
        found = {name for name in self._unseen if _has_values(rows.column(self._columns[name]))}
        unfound = sorted(self._unseen - found)
        # One pass over the texts for all names together; most pages end here.
        if _is_any_named(unfound, rows.column("_record")):
            found |= {name for name in unfound if _is_any_named([name], rows.column("_record"))}
        self._unseen -= found
        self.seen |= found


def _has_values(typed: pa.Array) -> bool:
    return typed.null_count < len(typed)


def _is_any_named(names: list[str], records: pa.Array) -> bool:
    # A name inside a nested list counts too: better to miss a field that went than to report one that didn't.
    if not names:
        return False
    pattern = f'"({"|".join(map(re.escape, names))})"'
    return bool(pc.any(pc.match_substring_regex(records, pattern)).as_py())
