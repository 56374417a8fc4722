"""Verbatim records -> typed rows: the table schema of landed files, and one batch of it with its notes.

The order of work is decode (record_type.py), then build columns (columns.py). Nothing is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from st_pipeline.landing.columns import ARROW_TYPES, column, versions
from st_pipeline.landing.json_members import NotAnObject
from st_pipeline.landing.record_type import (
    NULL,
    Member,
    RecordType,
    record_type,
    repair,
    storable,
    unknown_fields,
)
from st_pipeline.landing.values import without_unstorable
from st_pipeline.servicetitan.catalogue.model import Endpoint, FieldType

RULES = 1  # increased when the typing rules change, so that records landed under older rules are typed again
NO_ID = "no usable id"

_EXTRA = pa.field("_extra", pa.string())
_VERSION = pa.field("_version", pa.int64())
_RECORD = pa.field("_record", pa.string())


@dataclass(frozen=True, slots=True)
class Problem:
    """A quarantine entry. ``field`` is the column that became null, or None if the whole record is left out."""

    row: int
    record_id: int | None
    field: str | None
    reason: str
    record: str

    def moved(self, rows: int) -> Problem:
        """The same note for a row ``rows`` further down."""
        return replace(self, row=self.row + rows)


@dataclass(frozen=True, slots=True)
class Typed:
    """Records as rows: ``rows`` has ``table_schema(endpoint)``, one row per record in the given order."""

    rows: pa.RecordBatch
    notes: list[Problem]
    unknown: frozenset[str]
    """Names that aren't in the catalog; nested ones look like ``customer.nickname``."""

    @property
    def quarantined_whole(self) -> int:
        """Rows without a usable id: kept in the file but not loaded."""
        return self.rows.column("id").null_count


@cache
def table_schema(endpoint: Endpoint) -> pa.Schema:
    """The typed columns of ``endpoint``, plus the bookkeeping columns derived from the record."""
    fields = [pa.field(field.column, ARROW_TYPES[field.type]) for field in endpoint.fields]
    return pa.schema([*fields, _EXTRA, _VERSION, _RECORD])


@cache
def fingerprint(endpoint: Endpoint) -> str:
    """Shows whether a landed file was typed with the current fields and rules."""
    said = [
        str(RULES),
        str(endpoint.cursor_field),
        *(f"{'.'.join(f.path)}:{f.column}:{f.type}" for f in endpoint.fields),
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def type_records(endpoint: Endpoint, records: Sequence[bytes | msgspec.Raw]) -> Typed:
    """Type ``records`` (the API's JSON texts, any JSON value). Never fails because of a record's content."""
    types = record_type(endpoint)
    texts = [bytes(record) for record in records]
    decoded: list[Any] = []
    extras: list[bytes | None] = []
    unknown: set[str] = set()
    problems: list[tuple[int, str | None, str]] = []
    for row, text in enumerate(texts):
        record = without_unstorable(text)
        try:
            decoded.append(types.strict.decode(record))
            extras.append(None)
            continue
        except (msgspec.MsgspecError, RecursionError):
            pass
        decoded.append(_decode_with_care(types, row, record, problems))
        extra = _unknown(types.members, record)
        unknown |= _names(extra)
        unstorable: list[str] = []
        extra = storable(extra, unstorable)
        problems += [(row, "_extra", f"{name}: value could not be stored") for name in unstorable]
        extras.append(msgspec.json.encode(extra) if extra else None)
    arrays = _columns(endpoint, types, decoded, problems)
    arrays += [pa.array(extras, pa.binary()).cast(pa.string()), _versions(endpoint, decoded, types)]
    arrays.append(pa.array(texts, pa.binary()).cast(pa.string()))
    rows = pa.RecordBatch.from_arrays(arrays, schema=table_schema(endpoint))
    return Typed(rows, _notes(rows, problems), frozenset(unknown))


def _decode_with_care(types: RecordType, row: int, record: bytes, problems: list[tuple[int, str | None, str]]) -> Any:
    try:
        return types.open.decode(record)
    except (msgspec.MsgspecError, RecursionError):
        repaired = repair(types.members, record)
    if repaired.whole:
        problems.append((row, None, repaired.whole))
    problems += [(row, name, reason) for name, reason in repaired.problems]
    return types.open.decode(repaired.record)


def _unknown(members: tuple[Member, ...], record: bytes) -> dict[str, Any]:
    try:
        return unknown_fields(members, record)
    except NotAnObject:  # it is quarantined as a whole
        return {}


def _names(extra: dict[str, Any]) -> set[str]:
    return {
        name
        for key, value in extra.items()
        for name in ([f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key])
    }


def _columns(
    endpoint: Endpoint, types: RecordType, decoded: list[Any], problems: list[tuple[int, str | None, str]]
) -> list[pa.Array]:
    by_column: dict[str, pa.Array] = {}
    transposed = list(zip(*map(astuple, decoded), strict=True)) or [()] * len(types.members)
    for member, values in zip(types.members, transposed, strict=True):
        if member.field:
            pairs = [(member.field, values)]
        else:
            absent = tuple(NULL if f.type in (FieldType.NUMERIC, FieldType.JSONB) else None for f in member.nested)
            inner = list(zip(*(absent if v is None else astuple(v) for v in values), strict=True))
            pairs = list(zip(member.nested, inner or [()] * len(member.nested), strict=True))
        for field, own in pairs:
            by_column[field.column], wrong = column(field.type, own)
            problems += [(row, field.column, reason) for row, reason in wrong]
    return [by_column[field.column] for field in endpoint.fields]


def _versions(endpoint: Endpoint, decoded: list[Any], types: RecordType) -> pa.Array:
    for number, member in enumerate(types.members):
        if member.name == endpoint.cursor_field and member.field and member.field.type is FieldType.TIMESTAMPTZ:
            return versions(list(map(attrgetter(f"a{number}"), decoded)))
    return pa.nulls(len(decoded), pa.int64())


def _notes(rows: pa.RecordBatch, problems: list[tuple[int, str | None, str]]) -> list[Problem]:
    """The notes in row order. A row without an id has one note, for the whole record."""
    ids, texts = rows.column("id"), rows.column("_record")
    reasons: dict[int, str] = {}
    if ids.null_count:
        reasons = {row: NO_ID for row, ok in enumerate(ids.is_valid().to_pylist()) if not ok}
    reasons |= {row: reason for row, name, reason in problems if name is None}
    reasons |= {row: f"{NO_ID}: {reason}" for row, name, reason in problems if name == "id"}
    noted = {row: texts[row].as_py() for row in {*reasons, *(row for row, _, _ in problems)}}  # one text per record
    notes = [Problem(row, None, None, reason, noted[row]) for row, reason in reasons.items()]
    notes += [
        Problem(row, ids[row].as_py(), name, reason, noted[row])
        for row, name, reason in problems
        if row not in reasons and name is not None
    ]
    return sorted(notes, key=lambda note: (note.row, note.field or ""))
