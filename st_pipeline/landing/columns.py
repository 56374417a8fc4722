"""Decoded values of one field -> one Arrow column, converted all at once if the values have the usual form.

Otherwise values.py converts them one by one. Both ways give the same column, which a property test verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Raw

from st_pipeline.landing.values import (
    HUGE_NUMBER_HINT,
    NUMERIC_PRECISION,
    NUMERIC_SCALE,
    Untypable,
    decode,
    to_date,
    to_instant,
    to_jsonb,
    to_numeric,
)
from st_pipeline.servicetitan.catalogue.model import FieldType

NUMERIC = pa.decimal128(NUMERIC_PRECISION, NUMERIC_SCALE)
INSTANT = pa.timestamp("us", tz="UTC")

ARROW_TYPES: dict[FieldType, pa.DataType] = {
    FieldType.BIGINT: pa.int64(),
    FieldType.TEXT: pa.string(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.NUMERIC: NUMERIC,
    FieldType.TIMESTAMPTZ: INSTANT,
    FieldType.DATE: pa.date32(),
    FieldType.JSONB: pa.string(),
}

_USUAL_NUMBER = r"^-?[0-9]{1,19}(\.[0-9]{1,19})?$"
_USUAL_INSTANT = r"^(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_AT_EPOCH = (_EPOCH - datetime(1, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10

Problem = tuple[int, str]
"""A row number and why its value can't be typed."""


def column(type_: FieldType, values: Sequence[Any]) -> tuple[pa.Array, list[Problem]]:
    """One field's decoded values as an Arrow array (see ARROW_TYPES), and the values that couldn't be typed."""
    match type_:
        case FieldType.BIGINT | FieldType.TEXT | FieldType.BOOLEAN:
            return pa.array(values, ARROW_TYPES[type_]), []
        case FieldType.NUMERIC:
            return _numeric(_json_texts(values))
        case FieldType.TIMESTAMPTZ:
            return _instants(pa.array(values, pa.string()))
        case FieldType.DATE:
            return _one_by_one(pa.array(values, pa.string()), pa.date32(), to_date)
        case FieldType.JSONB:
            return _jsonb(_json_texts(values))


def versions(values: Sequence[str | None]) -> pa.Array:
    """Record versions by modification time, in 100 ns ticks since year 1. Null if there is no usable time."""
    texts = pa.array(values, pa.string())
    instants, _ = _instants(texts)
    usual = pc.match_substring_regex(texts, _USUAL_INSTANT)
    if pc.any(pc.invert(usual)).as_py():
        return pa.array([_ticks_or_none(text) for text in texts.to_pylist()], pa.int64())
    last_digit = pc.struct_field(pc.extract_regex(texts, r"\.\d{6}(?P<digit>\d)"), "digit")
    ticks = pc.add(pc.multiply(instants.cast(pa.int64()), 10), _TICKS_AT_EPOCH)
    return pc.add(ticks, pc.fill_null(last_digit.cast(pa.int64()), pa.scalar(0, pa.int64())))


def _json_texts(values: Sequence[Raw]) -> pa.Array:
    texts = [None if text == b"null" else text for text in map(bytes, values)]
    return pa.array(texts, pa.binary()).cast(pa.string())


def _numeric(texts: pa.Array) -> tuple[pa.Array, list[Problem]]:
    unquoted = pc.utf8_trim(texts, '"')
    if pc.all(pc.match_substring_regex(unquoted, _USUAL_NUMBER)).as_py() is not False:
        return unquoted.cast(NUMERIC), []
    return _one_by_one(texts, NUMERIC, lambda text: to_numeric(decode(text)))


def _instants(texts: pa.Array) -> tuple[pa.Array, list[Problem]]:
    if pc.all(pc.match_substring_regex(texts, _USUAL_INSTANT)).as_py() is not False:
        # A timestamp without a zone is UTC, so the Z can be dropped.
        microseconds = pc.replace_substring_regex(texts, r"^(.{19}(?:\.\d{1,6})?)\d*Z?$", r"\1")
        try:
            return microseconds.cast(pa.timestamp("us")).cast(INSTANT), []
        except pa.ArrowInvalid:  # a month 13: the form is usual, the date is not
            pass
    return _one_by_one(texts, INSTANT, lambda text: to_instant(text)[0])


def _jsonb(texts: pa.Array) -> tuple[pa.Array, list[Problem]]:
    # Huge numbers are rare, so check value by value only if the column seems to have one.
    if pc.any(pc.match_substring_regex(texts, HUGE_NUMBER_HINT)).as_py():
        return _one_by_one(texts, pa.string(), to_jsonb)
    return texts, []


def _one_by_one(texts: pa.Array, type_: pa.DataType, convert: Callable[[str], Any]) -> tuple[pa.Array, list[Problem]]:
    converted: list[Any] = []
    problems: list[Problem] = []
    for row, text in enumerate(texts.to_pylist()):
        try:
            converted.append(None if text is None else convert(text))
        except Untypable as problem:
            converted.append(None)
            problems.append((row, str(problem)))
    return pa.array(converted, type_), problems


def _ticks_or_none(text: str | None) -> int | None:
    try:
        return None if text is None else to_instant(text)[1]
    except Untypable:
        return None
