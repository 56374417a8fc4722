"""Parses the text of a cadence as it is in the registry. Cron expressions are in cron.py.

No message repeats the text: someone may have entered a secret in the wrong field.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from functools import lru_cache

from st_pipeline.tenants import cron
from st_pipeline.tenants.cadence import Cadence, Calendar, Window
from st_pipeline.tenants.errors import FieldInvalid

NIGHT = time(2)
LONGEST_INTERVAL = timedelta(days=31)
ACCEPTED = (
    "must be one of nightly, weekly, monthly (optionally with a day and time: nightly 03:30, weekly fri 03:00, "
    "monthly 15, monthly last 03:00), every 6h (m, h or d), a cron expression of five fields (30 5 * * 1-5), or "
    "paused; to limit the hours in which a sync may start, add them (except to paused): between 20:00 and 06:00"
)

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_INTERVAL = re.compile(r"every ([1-9][0-9]{0,4}) ?([mhd])")
_SPOKEN_TIME = re.compile(r"\b(1[0-2]|0?[1-9])(?::([0-5][0-9]))? ?(am|pm)\b")
_USUAL = (
    (re.compile(r"^hourly$"), "every 1h"),
    (re.compile(r"^(daily|every day|every night)\b"), "nightly"),
    (re.compile(rf"^every (?=({'|'.join((*_WEEKDAY_NAMES, *_WEEKDAYS))})\b)"), "weekly "),
    (re.compile(r"\bat (?=[0-9])"), ""),
)
_WINDOW = re.compile(r"(.*) between (\S+) and (\S+)")


@lru_cache(maxsize=4096)
def parse(text: str) -> Cadence:
    """The cadence that ``text`` describes. Case and extra white space don't matter.

        nightly [02:00]             every night
        weekly [mon [02:00]]        every week; the day is mon or monday
        monthly [1 [02:00]]         every month; the day is 1 to 31 or last; shorter months use their last day
        every 6h                    an interval in whole m, h or d, up to 31 days, counted from 1970 in UTC
        30 5 * * 1-5                a cron expression
        paused                      never automatically
        daily, hourly, every friday at 3am   are stored as nightly, every 1h, weekly fri 03:00
        … between 20:00 and 06:00   a sync starts only in these hours; a time outside moves to their start

    The parts in brackets are optional, and show their defaults. Times are in the tenant's time zone, in 24-hour format.

    Raises:
        FieldInvalid: the message says what is accepted.
    """
    folded = " ".join(text.split())
    windowed = _WINDOW.fullmatch(folded.lower())
    window = _window(windowed[2], windowed[3]) if windowed else None
    if windowed:
        folded = folded[: len(windowed[1])]
    words = folded.lower()
    if words == "paused" and window:
        raise _refusal("must not have hours when it is paused; remove them")
    plain = _plain(words)
    cadence = _worded(plain) or _interval(plain) or _cron(folded)
    if cadence is None:
        raise FieldInvalid("cadence", ACCEPTED, is_malformed=True)
    if window is None:
        return cadence
    hours = f"between {window.start:%H:%M} and {window.end:%H:%M}"
    return Cadence(f"{cadence.text} {hours}", cadence.rule, window)


def _plain(words: str) -> str:
    """Other usual ways to say it, in the words that are stored: ``every day at 3am`` is ``nightly 03:00``."""
    words = _SPOKEN_TIME.sub(_clock_time, words)
    for usual, stored in _USUAL:
        words = usual.sub(stored, words)
    return words


def _clock_time(found: re.Match[str]) -> str:
    hour = int(found[1]) % 12 + (12 if found[3] == "pm" else 0)
    return f"{hour:02}:{found[2] or '00'}"


def _worded(words: str) -> Cadence | None:
    match words.split(" "):
        case ["paused"]:
            return Cadence(words, None)
        case ["nightly", *rest] if len(rest) <= 1:
            return _at(Calendar((NIGHT,)), "nightly", rest)
        case ["weekly"]:
            return Cadence(words, Calendar((NIGHT,), weekdays=frozenset({0})))
        case ["weekly", day, *rest] if len(rest) <= 1 and (number := _weekday(day)) is not None:
            return _at(Calendar((NIGHT,), weekdays=frozenset({number})), f"weekly {_WEEKDAYS[number]}", rest)
        case ["monthly"]:
            return Cadence(words, Calendar((NIGHT,), days=frozenset({1})))
        case ["monthly", day, *rest] if len(rest) <= 1 and (number := _day(day)):
            rule = Calendar((NIGHT,), days=frozenset({number}), last_if_shorter=True)
            return _at(rule, f"monthly {'last' if day == 'last' else number}", rest)
        case _:
            return None


def _at(rule: Calendar, text: str, rest: list[str]) -> Cadence | None:
    """The rule at the time in ``rest``, if there is one."""
    if not rest:
        return Cadence(text, rule)
    at = _time(rest[0])
    if at is None:
        return None
    return Cadence(f"{text} {at:%H:%M}", Calendar((at,), rule.months, rule.days, rule.weekdays, rule.last_if_shorter))


def _interval(words: str) -> Cadence | None:
    found = _INTERVAL.fullmatch(words)
    if found is None:
        return None
    length = int(found[1]) * _UNITS[found[2]]
    if length > LONGEST_INTERVAL:
        raise _refusal(
            f"must be {LONGEST_INTERVAL.days} days or less; to sync less often, use monthly or a cron expression"
        )
    return Cadence(f"every {found[1]}{found[2]}", length)


def _cron(text: str) -> Cadence | None:
    rule = cron.calendar_of(text)
    if rule is None:
        return None
    if not rule.has_any_day:
        raise _refusal(
            "is a cron expression for a day that no month has; for the last day of each month, use monthly last"
        )
    return Cadence(text, rule)


def _window(start: str, end: str) -> Window:
    opens, closes = _time(start), _time(end)
    if opens is None or closes is None:
        raise _refusal("has invalid hours; enter them like between 20:00 and 06:00")
    if opens == closes:
        raise _refusal("has hours that start and end at the same time; to allow all hours, remove them")
    return Window(opens, closes)


def _time(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    return time(int(found[1]), int(found[2])) if found else None


def _weekday(text: str) -> int | None:
    for names in (_WEEKDAYS, _WEEKDAY_NAMES):
        if text in names:
            return names.index(text)
    return None


def _day(text: str) -> int | None:
    """A day of the month, 1 to 31; ``last`` is 31, which means the last day in shorter months."""
    if text == "last":
        return 31
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 2 else 0
    return number if 1 <= number <= 31 else None


def _refusal(problem: str) -> FieldInvalid:
    return FieldInvalid("cadence", problem)
