"""Converts a cadence between its text and the fields of a form. Pure.

tenants/cadence_parsing.py parses and validates the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta

from st_pipeline.tenants.cadence import EVERY_DAY, EVERY_WEEKDAY, Cadence
from st_pipeline.tenants.cadence_parsing import parse
from st_pipeline.tenants.errors import FieldInvalid

KINDS = {
    "nightly": "Every day",
    "weekly": "Every week",
    "monthly": "Every month",
    "every": "Every few minutes, hours, or days",
    "cron": "Cron expression",
    "paused": "Paused (no automatic syncs)",
}
WEEKDAYS = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
    "sun": "Sunday",
}  # fmt: skip
DAYS = {str(day): str(day) for day in range(1, 32)} | {"last": "the last day"}
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
USUAL = {
    "kind": "nightly", "at": "02:00", "weekday": "mon", "day": "1", "every": "6", "unit": "h", "cron": "",
    "opens": "", "closes": "",
}  # fmt: skip
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")


class ChoiceInvalid(Exception):
    """The choice is not a valid cadence. ``problems``: form field -> a sentence that never repeats what was typed."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {problem}" for field, problem in problems.items()))


def text_of(chosen: Mapping[str, str]) -> str:
    """The text of the chosen cadence, in its stored form. ``chosen`` has the names of USUAL.

    Raises ChoiceInvalid.
    """
    kind = chosen["kind"]
    if kind == "paused":
        return "paused"
    if problems := _rule_problems(chosen) | _hours_problems(chosen):
        raise ChoiceInvalid(problems)
    match kind:
        case "nightly":
            text = f"nightly {chosen['at']}"
        case "weekly":
            text = f"weekly {chosen['weekday']} {chosen['at']}"
        case "monthly":
            text = f"monthly {chosen['day']} {chosen['at']}"
        case "every":
            text = f"every {int(chosen['every'])}{chosen['unit']}"
        case _:
            text = chosen["cron"]
    return _parsed(f"{text}{_hours(chosen)}", kind)


def fields_of(cadence: Cadence) -> dict[str, str]:
    """The form's fields for a stored cadence."""
    shown = dict(USUAL)
    if cadence.window:
        shown |= {"opens": f"{cadence.window.start:%H:%M}", "closes": f"{cadence.window.end:%H:%M}"}
    text = cadence.text.partition(" between ")[0]
    kind = text.split(" ")[0]
    rule = cadence.rule
    if rule is None:
        return shown | {"kind": "paused"}
    if isinstance(rule, timedelta):
        found = re.fullmatch(r"every (\d+)([mhd])", text)
        assert found
        return shown | {"kind": "every", "every": found[1], "unit": found[2]}
    if kind not in ("nightly", "weekly", "monthly"):
        return shown | {"kind": "cron", "cron": text}
    shown |= {"kind": kind, "at": f"{rule.times[0]:%H:%M}"}
    if rule.weekdays != EVERY_WEEKDAY:
        shown["weekday"] = list(WEEKDAYS)[min(rule.weekdays)]
    if rule.days != EVERY_DAY:
        # 31 means the last day of every month; show it as it was entered.
        shown["day"] = "last" if " last" in text else str(min(rule.days))
    return shown


def in_words(cadence: Cadence) -> str:
    """For people: ``every week on Monday at 02:00, starting between 20:00 and 06:00``."""
    shown = fields_of(cadence)
    at = f"at {shown['at']}"
    words = {
        "nightly": f"every day {at}",
        "weekly": f"every week on {WEEKDAYS[shown['weekday']]} {at}",
        "monthly": f"every month on {'the last day' if shown['day'] == 'last' else 'day ' + shown['day']} {at}",
        "every": f"every {shown['every']} {UNITS[shown['unit']]}",
        "cron": f"on the cron schedule {shown['cron']}",
        "paused": "paused (no automatic syncs)",
    }[shown["kind"]]
    if shown["kind"] == "every" and shown["every"] == "1":
        words = words.removesuffix("s").replace("every 1 ", "every ")
    return f"{words}, starting between {shown['opens']} and {shown['closes']}" if cadence.window else words


def _rule_problems(chosen: Mapping[str, str]) -> dict[str, str]:
    match chosen["kind"]:
        case "nightly" | "weekly" | "monthly":
            if not _TIME.fullmatch(chosen["at"].strip()):
                return {"at": "Enter a time like 02:00 or 17:30."}
        case "every":
            number = chosen["every"].strip()
            if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number) > 0):
                return {"every": "Enter a whole number, like 6."}
        case _:
            if len(chosen["cron"].split()) != 5:
                return {"cron": "Enter five fields: minute, hour, day, month, and weekday, like 30 5 * * 1-5."}
    return {}


def _hours_problems(chosen: Mapping[str, str]) -> dict[str, str]:
    hours = {field: chosen[field].strip() for field in ("opens", "closes")}
    if not any(hours.values()):
        return {}
    for field, text in hours.items():
        if not _TIME.fullmatch(text):
            return {field: "Enter both hours, like 20:00 and 06:00, or leave both empty."}
    if _clock(hours["opens"]) == _clock(hours["closes"]):
        return {"closes": "The start and end are the same. Leave both empty to allow all hours."}
    return {}


def _hours(chosen: Mapping[str, str]) -> str:
    opens, closes = chosen["opens"].strip(), chosen["closes"].strip()
    return f" between {opens} and {closes}" if opens else ""


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))


def _parsed(text: str, kind: str) -> str:
    try:
        return parse(text).text
    except FieldInvalid as invalid:
        if kind == "cron":
            problem = "One of the five fields is misspelled or out of range. Enter them like 30 5 * * 1-5."
            raise ChoiceInvalid({"cron": problem if invalid.is_malformed else f"This {invalid.expected}."}) from None
        raise ChoiceInvalid({"every" if kind == "every" else "kind": f"This {invalid.expected}."}) from None
