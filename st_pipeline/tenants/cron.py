"""Parses cron expressions of five fields into days and times.

Supports lists, ranges, steps and English names, as in crontab(5), but not @nicknames, seconds, L, W, # or ?.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from st_pipeline.tenants.cadence import Calendar

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class _Field:
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict)
    star_last: int | None = None
    """The last number that ``*`` and an open-ended step reach, if it is not ``last``."""


_FIELDS = (
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field(0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}, star_last=6),  # 7 is 0 again
)


def calendar_of(expression: str) -> Calendar | None:
    """The days and times of a cron expression with fields separated by white space; None if it is invalid."""
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        return None
    minutes, hours, days, months, weekdays = (_numbers(text, of) for text, of in zip(texts, _FIELDS, strict=True))
    if not (minutes and hours and days and months and weekdays):
        return None
    return Calendar(
        times=tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)),
        months=frozenset(months),
        days=frozenset(days),
        # Cron's Sunday is 0 and 7, Python's 6.
        weekdays=frozenset((number - 1) % 7 for number in weekdays),
    )


def _numbers(text: str, of: _Field) -> set[int]:
    """The numbers that a field matches; empty if it is invalid."""
    numbers: set[int] = set()
    for part in text.split(","):
        found = _part(part, of)
        if not found:
            return set()
        numbers.update(found)
    return numbers


def _part(part: str, of: _Field) -> range:
    span, slash, step_text = part.partition("/")
    step = _digits(step_text, 4) if slash else 1
    if step is None or not 0 < step <= of.last:
        return range(0)
    star_last = of.last if of.star_last is None else of.star_last
    if span == "*":
        return range(of.first, star_last + 1, step)
    ends = [_number(end, of) for end in span.split("-")]
    if len(ends) > 2 or None in ends:
        return range(0)
    first, last = ends[0] or 0, ends[-1] or 0
    if slash and len(ends) == 1:
        last = max(first, star_last)  # 5/15: every fifteenth, starting at 5
    return range(first, last + 1, step) if of.first <= first <= last <= of.last else range(0)


def _number(text: str, of: _Field) -> int | None:
    return of.names.get(text.lower(), _digits(text, 2))


def _digits(text: str, longest: int) -> int | None:
    # isdecimal() alone would accept digits of other scripts.
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= longest else None
