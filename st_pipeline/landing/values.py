"""One JSON value -> one typed value, or the reason it can't be typed.

These rules are the reference. The columnar path (columns.py) only applies them faster to the values it recognizes.
About the API's values: amounts are strings or numbers, timestamps have three to seven fractional digits with or without
a zone, and enums may be integers.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

from st_pipeline.servicetitan.catalogue.model import FieldType

BIGINT_MIN, BIGINT_MAX = -(2**63), 2**63 - 1
NUMERIC_PRECISION, NUMERIC_SCALE = 38, 19
_LONGEST_INTEGER = 20  # characters; Python won't convert an int of thousands of digits
TICKS_PER_SECOND = 10_000_000  # the API's clock: 100 ns, seven fractional digits

_QUANTUM = Decimal(1).scaleb(-NUMERIC_SCALE)
_CONTEXT = Context(prec=NUMERIC_PRECISION + NUMERIC_SCALE + 5, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0).quantize(_QUANTUM)
_LARGEST = Decimal(10) ** (NUMERIC_PRECISION - NUMERIC_SCALE)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?)?\s*(Z|z|[+-]\d\d:\d\d)?", re.ASCII)
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)

# Escapes that Postgres can't store in text or jsonb: NUL and lone surrogates. Escaped backslashes and proper surrogate
# pairs are matched first, to skip them.
_UNSTORABLE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u0000|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
# jsonb stores numbers as numeric: up to 131,072 digits before and 16,383 after the point. Numbers below these bounds
# can't come near that. Strings are matched first, so that digits in a GUID don't count.
HUGE_NUMBER_HINT = r"[0-9][eE][+-]?[0-9]{5}|[0-9]{200}"
_HINT = re.compile(HUGE_NUMBER_HINT)
_STRING_OR_HUGE = re.compile(r'"(?:[^"\\]|\\.)*"|([0-9][eE][+-]?[0-9]{5}|[0-9]{200})', re.DOTALL)


class Untypable(ValueError):
    """The value doesn't fit its column. The message is the reason that goes to quarantine."""


def without_unstorable(record: bytes) -> bytes:
    r"""The JSON text without ``\u0000`` and lone surrogate escapes; the same object if there are none."""
    if b"\\" not in record or b"\\u" not in record:  # searching for one byte is several times faster than for two
        return record
    return _UNSTORABLE.sub(lambda found: b"" if found[1] else found[0], record)


def decode(raw: str) -> Any:
    """The value of a JSON text, with numbers of any length as int or Decimal.

    Raises:
        Untypable: not JSON, nested too deeply, or a number too large for a decimal.
    """
    try:
        return json.loads(raw, parse_int=_integer, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Untypable("not readable as JSON") from None
    except InvalidOperation:
        raise Untypable("contains a number that is out of range") from None


def to_bigint(value: Any) -> int:
    """A 64-bit integer: a JSON integer, an integral number, or a string of digits."""
    if (isinstance(value, str) and _INTEGER.fullmatch(value.strip())) or (
        isinstance(value, Decimal) and _is_integral(value)
    ):
        value = int(value) if value else 0
    if isinstance(value, int) and not isinstance(value, bool) and BIGINT_MIN <= value <= BIGINT_MAX:
        return value
    raise Untypable("not a valid whole number")


def to_boolean(value: Any) -> bool:
    """A JSON boolean, or its name as a string."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise Untypable("not true or false")


def to_numeric(value: Any) -> Decimal:
    """A decimal with at most 19 digits before and 19 after the point; further digits are rounded half to even.

    Accepts a JSON number or a string with one. NaN and infinities aren't numbers.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_zero():
            return _ZERO
        if number.is_finite():
            if number.adjusted() < NUMERIC_PRECISION - NUMERIC_SCALE:
                number = number.quantize(_QUANTUM, context=_CONTEXT)
                if number.copy_abs() < _LARGEST:  # rounding may have carried; abs() would round to 28 digits
                    return number
            raise Untypable("number has too many digits")
    raise Untypable("not a number")


def to_instant(value: Any) -> tuple[datetime, int]:
    """An instant in UTC and its 100 ns ticks since year 1. No zone means UTC, no time means midnight."""
    found = _INSTANT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise Untypable("not a timestamp")
    day, time, fraction, zone = found.groups()
    digits = f"{fraction or '':0<7}"[:7]
    try:
        text = f"{day}T{time or '00:00:00'}.{digits[:6]}{'+00:00' if zone in (None, 'Z', 'z') else zone}"
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Untypable("not a valid timestamp") from None
    return instant, ticks(instant) + int(digits[6])


def to_date(value: Any) -> date:
    """A date, or the date part of an instant as written (never shifted to another zone)."""
    found = _INSTANT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise Untypable("not a date")
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        raise Untypable("not a valid date") from None


def to_text(value: Any, raw: str) -> str:
    """A string; numbers and booleans as written (an enum may be an integer)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | Decimal):
        return raw
    raise Untypable("not text")


def to_jsonb(raw: str) -> str:
    """JSON text that Postgres accepts as jsonb."""
    if _HINT.search(raw) and any(found[1] for found in _STRING_OR_HUGE.finditer(raw)):
        raise Untypable("contains a number that is too large")
    return raw


def convert(type_: FieldType, value: Any, raw: str) -> Any:
    """``value`` (from ``decode``), with its JSON text ``raw``, as a value of ``type_``.

    Raises:
        Untypable: with the reason.
    """
    match type_:
        case FieldType.BIGINT:
            return to_bigint(value)
        case FieldType.BOOLEAN:
            return to_boolean(value)
        case FieldType.NUMERIC:
            return to_numeric(value)
        case FieldType.TIMESTAMPTZ:
            return to_instant(value)[0]
        case FieldType.DATE:
            return to_date(value)
        case FieldType.TEXT:
            return to_text(value, raw)
        case FieldType.JSONB:
            return to_jsonb(raw)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else Decimal(digits)


def _is_integral(value: Decimal) -> bool:
    return value.is_finite() and (
        value.is_zero() or (value.adjusted() < _LONGEST_INTEGER and value == value.to_integral_value())
    )


def ticks(instant: datetime) -> int:
    """An instant with a zone as 100 ns ticks since year 1."""
    since = instant - _YEAR_ONE
    return (since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10
