"""Timestamps as the API writes them: ticks of 100 nanoseconds since 1970, UTC, to text and back.

Ticks are ints because Python's datetime cannot hold seven fractional digits. The clock is clock.py.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

SECOND = 10_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = dt.date(1970, 1, 1).toordinal()
_PATTERN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def at(year: int, month: int = 1, day: int = 1) -> int:
    """Midnight UTC of a date, in ticks."""
    return (dt.date(year, month, day).toordinal() - _EPOCH) * DAY


def from_datetime(moment: dt.datetime) -> int:
    """Ticks of a datetime; a naive one is treated as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    delta = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 10


def parse(text: str) -> int | None:
    """Ticks of a date or timestamp from a client; None if it is neither."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        ticks = at(int(year), int(month), int(day))
    except ValueError:
        return None
    h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
    if h > 23 or m > 59 or s > 59:
        return None
    ticks += h * HOUR + m * MINUTE + s * SECOND
    if fraction:
        ticks += int(fraction[:7].ljust(7, "0"))
    if zone and zone not in "Zz":
        sign = 1 if zone[0] == "+" else -1
        ticks -= sign * (int(zone[1:3]) * HOUR + int(zone[-2:]) * MINUTE)
    return ticks


@lru_cache(maxsize=40_000)
def _date(day: int) -> str:
    return dt.date.fromordinal(day + _EPOCH).isoformat()


def text(ticks: int) -> str:
    """A timestamp as the API writes it: ``Z``, with no fraction or 3 to 7 fractional digits."""
    day, rest = divmod(ticks, DAY)
    seconds, fraction = divmod(rest, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    head = f"{_date(day)}T{hour:02}:{minute:02}:{second:02}"
    if not fraction:
        return head + "Z"
    digits = f"{fraction:07}".rstrip("0")
    return f"{head}.{digits:0<3}Z"


def date_text(ticks: int, *, zone: bool = True) -> str:
    """A date as the API writes it: midnight, with or without ``Z``."""
    return _date(ticks // DAY) + ("T00:00:00Z" if zone else "T00:00:00")
