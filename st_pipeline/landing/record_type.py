"""The msgspec types of one endpoint's records, and the repair of records that don't fit them.

A record that fits is decoded at C speed. One that doesn't is repaired field by field, so one bad field loses only that
field. columns.py turns the decoded values into columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from st_pipeline.landing.json_members import NotAnObject, is_json, is_object, parse_members
from st_pipeline.landing.values import BIGINT_MAX, BIGINT_MIN, Untypable, convert, decode, to_jsonb
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType

NULL = Raw(b"null")

# Amounts and arrays stay JSON text until their column is built.
_PYTHON_TYPES: Mapping[FieldType, Any] = {
    FieldType.BIGINT: Annotated[int, Meta(ge=BIGINT_MIN, le=BIGINT_MAX)] | None,  # pyright: ignore[reportOperatorIssue]
    FieldType.TEXT: str | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.NUMERIC: Raw,
    FieldType.TIMESTAMPTZ: str | None,
    FieldType.DATE: str | None,
    FieldType.JSONB: Raw,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One top-level name of a record: a field, or a nested object with its own fields."""

    name: str
    field: Field | None
    nested: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class RecordType:
    """Decoders for one endpoint's records. ``strict`` rejects unknown names; ``open`` ignores them."""

    members: tuple[Member, ...]
    strict: msgspec.json.Decoder[Any]
    open: msgspec.json.Decoder[Any]


@dataclass(slots=True)
class Repaired:
    """A repaired record: ``record`` decodes with ``open``; ``problems`` are (column, reason).

    ``whole`` is the reason why none of it is usable, if so.
    """

    record: bytes = b"{}"
    problems: list[tuple[str, str]] = field(default_factory=list)
    whole: str | None = None


@cache
def record_type(endpoint: Endpoint) -> RecordType:
    """The types for ``endpoint``'s fields, created once per process."""
    grouped: dict[str, list[Field]] = {}
    for each in endpoint.fields:
        grouped.setdefault(each.path[0], []).append(each)
    known = tuple(
        Member(name, fields[0], ()) if len(fields[0].path) == 1 else Member(name, None, tuple(fields))
        for name, fields in grouped.items()
    )
    return RecordType(
        members=known,
        strict=msgspec.json.Decoder(_struct(known, forbid_unknown_fields=True)),
        open=msgspec.json.Decoder(_struct(known, forbid_unknown_fields=False)),
    )


def unknown_fields(known: tuple[Member, ...], record: bytes) -> dict[str, Any]:
    """An object's fields that aren't in the catalog, verbatim. A nested object has only its unknown names.

    Raises:
        NotAnObject: the record isn't an object.
    """
    by_name = {member.name: member for member in known}
    extra: dict[str, Any] = {}
    for name, raw in parse_members(record).items():
        member = by_name.get(name)
        if member is None:
            extra[name] = raw
        elif member.nested and is_object(raw):
            inside = {f.path[1] for f in member.nested}
            unknown = {n: r for n, r in parse_members(raw).items() if n not in inside}
            if unknown:
                extra[name] = unknown
    return extra


def storable(extra: dict[str, Any], unstorable: list[str]) -> dict[str, Any]:
    """``extra`` without values that Postgres can't store as jsonb; their names are added to ``unstorable``."""
    kept: dict[str, Any] = {}
    for name, value in extra.items():
        if isinstance(value, dict):
            below: list[str] = []
            if inner := storable(value, below):
                kept[name] = inner
            unstorable += [f"{name}.{each}" for each in below]
        elif _is_jsonb(value):
            kept[name] = value
        else:
            unstorable.append(name)
    return kept


def repair(known: tuple[Member, ...], record: bytes) -> Repaired:
    """Keep what fits of ``record``, convert what can be converted, and null the rest with a reason."""
    try:
        values = parse_members(record)
    except NotAnObject as problem:
        return Repaired(whole=str(problem))
    result = Repaired()
    kept: dict[str, Any] = {}
    for member in known:
        raw = values.get(member.name)
        if raw is None or bytes(raw) == b"null":
            continue
        if member.field:
            kept[member.name] = _fit(member.field, raw, result)
        elif is_object(raw):
            inner = parse_members(raw)
            kept[member.name] = {
                f.path[1]: _fit(f, inner[f.path[1]], result) for f in member.nested if f.path[1] in inner
            }
        else:
            result.problems += [(f.column, "not an object") for f in member.nested]
    result.record = msgspec.json.encode(kept)
    return result


def _fit(field: Field, raw: Raw, result: Repaired) -> Raw:
    """JSON text that decodes as the field's type: the value, or ``null`` with a problem noted."""
    try:
        msgspec.json.decode(raw, type=_PYTHON_TYPES[field.type])
        return raw
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        text = bytes(raw).decode()
        value = decode(text)
        if field.type is FieldType.JSONB:
            raise Untypable("not readable as JSON")
        return Raw(msgspec.json.encode(convert(field.type, value, text)))
    except Untypable as problem:
        result.problems.append((field.column, str(problem)))
        return NULL


def _is_jsonb(raw: Raw) -> bool:
    try:
        to_jsonb(bytes(raw).decode())
    except Untypable:
        return False
    return is_json(raw)


def _struct(known: tuple[Member, ...], *, forbid_unknown_fields: bool) -> type[Struct]:
    # The API's names may be Python keywords, so attributes are numbered and renamed.
    attributes: list[tuple[str, Any, Any]] = []
    for number, member in enumerate(known):
        if member.field:
            attributes.append(_attribute(number, member.field))
        else:
            nested = msgspec.defstruct(
                f"Nested{number}",
                [_attribute(i, f) for i, f in enumerate(member.nested)],
                rename={f"a{i}": f.path[1] for i, f in enumerate(member.nested)},
                forbid_unknown_fields=forbid_unknown_fields,
                gc=False,
            )
            attributes.append((f"a{number}", nested | None, None))
    return msgspec.defstruct(
        "Record",
        attributes,
        rename={f"a{number}": member.name for number, member in enumerate(known)},
        forbid_unknown_fields=forbid_unknown_fields,
        gc=False,
    )


def _attribute(number: int, field: Field) -> tuple[str, Any, Any]:
    python_type = _PYTHON_TYPES[field.type]
    return f"a{number}", python_type, NULL if python_type is Raw else None
