"""The msgspec types of one endpoint's records, and the repair of a record that does not fit them.

A record that fits is decoded at C speed. One that doesn't is taken apart field by field, so that one bad field costs
that field and nothing else. What becomes of the decoded values is in columns.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from st_pipeline.landing.values import BIGINT_MAX, BIGINT_MIN, Untypable, convert
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType

NULL = Raw(b"null")

# Amounts and arrays stay as their JSON text until their column is built.
_PYTHON_TYPES: Mapping[FieldType, Any] = {
    FieldType.BIGINT: Annotated[int, Meta(ge=BIGINT_MIN, le=BIGINT_MAX)] | None,  # pyright: ignore[reportOperatorIssue]
    FieldType.TEXT: str | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.NUMERIC: Raw,
    FieldType.TIMESTAMPTZ: str | None,
    FieldType.DATE: str | None,
    FieldType.JSONB: Raw,
}
_JSON_OBJECT = msgspec.json.Decoder(dict[str, Raw])


@dataclass(frozen=True, slots=True)
class Member:
    """One top-level name of a record: a field, or a nested object with fields of its own."""

    name: str
    field: Field | None
    nested: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class RecordType:
    """How records of one endpoint are decoded. ``strict`` refuses unknown names, ``open`` passes over them."""

    members: tuple[Member, ...]
    strict: msgspec.json.Decoder[Any]
    open: msgspec.json.Decoder[Any]


@dataclass(slots=True)
class Repaired:
    """A record made to fit: ``record`` decodes with ``open``; ``problems`` are (column, reason).

    ``whole`` is the reason why nothing of it can be used.
    """

    record: bytes = b"{}"
    problems: list[tuple[str, str]] = field(default_factory=list)
    whole: str | None = None


@cache
def record_type(endpoint: Endpoint) -> RecordType:
    """The types for ``endpoint``'s fields, made once a process."""
    grouped: dict[str, list[Field]] = {}
    for each in endpoint.fields:
        grouped.setdefault(each.path[0], []).append(each)
    members = tuple(
        Member(name, fields[0], ()) if len(fields[0].path) == 1 else Member(name, None, tuple(fields))
        for name, fields in grouped.items()
    )
    return RecordType(
        members=members,
        strict=msgspec.json.Decoder(_struct(members, forbid_unknown_fields=True)),
        open=msgspec.json.Decoder(_struct(members, forbid_unknown_fields=False)),
    )


def unknown_fields(members: tuple[Member, ...], record: bytes) -> dict[str, Any]:
    """What the catalogue doesn't know of an object, verbatim, nested objects as objects of their unknown names."""
    known = {member.name: member for member in members}
    extra: dict[str, Any] = {}
    for name, raw in _JSON_OBJECT.decode(record).items():
        member = known.get(name)
        if member is None:
            extra[name] = raw
        elif member.nested and _is_object(raw):
            inside = {f.path[1] for f in member.nested}
            unknown = {n: r for n, r in _JSON_OBJECT.decode(raw).items() if n not in inside}
            if unknown:
                extra[name] = unknown
    return extra


def repair(members: tuple[Member, ...], record: bytes) -> Repaired:
    """Keep of ``record`` what fits, convert what can be, null the rest with a reason."""
    try:
        values = _JSON_OBJECT.decode(record)
    except msgspec.MsgspecError:
        return Repaired(whole="not a JSON object")
    result = Repaired()
    kept: dict[str, Any] = {}
    for member in members:
        raw = values.get(member.name)
        if raw is None or bytes(raw) == b"null":
            continue
        if member.field:
            kept[member.name] = _fit(member.field, raw, result)
        elif _is_object(raw):
            inner = _JSON_OBJECT.decode(raw)
            kept[member.name] = {
                f.path[1]: _fit(f, inner[f.path[1]], result) for f in member.nested if f.path[1] in inner
            }
        else:
            result.problems += [(f.column, "not an object") for f in member.nested]
    result.record = msgspec.json.encode(kept)
    return result


def _fit(field: Field, raw: Raw, result: Repaired) -> Raw:
    """The JSON text of a value that decodes as the field's type, ``null`` with a problem noted where there is none."""
    try:
        msgspec.json.decode(raw, type=_PYTHON_TYPES[field.type])
        return raw
    except msgspec.MsgspecError:
        pass
    text = bytes(raw).decode()
    try:
        value = json.loads(text, parse_float=Decimal)
        converted = convert(field.type, value, text)
        return Raw(msgspec.json.encode(converted))
    except (Untypable, ValueError) as problem:
        reason = str(problem) if isinstance(problem, Untypable) else "not readable as JSON"
        result.problems.append((field.column, reason))
        return NULL


def _is_object(raw: Raw) -> bool:
    return bytes(raw[:1] if isinstance(raw, bytes) else memoryview(raw)[:1]) == b"{"


def _struct(members: tuple[Member, ...], *, forbid_unknown_fields: bool) -> type[Struct]:
    # The API's names may be Python keywords, so attributes are numbered and renamed.
    attributes: list[tuple[str, Any, Any]] = []
    for number, member in enumerate(members):
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
        rename={f"a{number}": member.name for number, member in enumerate(members)},
        forbid_unknown_fields=forbid_unknown_fields,
        gc=False,
    )


def _attribute(number: int, field: Field) -> tuple[str, Any, Any]:
    python_type = _PYTHON_TYPES[field.type]
    return f"a{number}", python_type, NULL if python_type is Raw else None
