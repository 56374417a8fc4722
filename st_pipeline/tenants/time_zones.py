"""The name of a time zone, as a person writes it, as one that Python and Postgres understand the same way.

A place is meant, whose clocks change: ``America/Chicago``, what Americans call it (``Central``), or its older name
(``US/Central``). Abbreviations and offsets (``EST``, ``EST5EDT``, ``Etc/GMT+5``) are refused: they have no daylight
saving time, or the opposite sign, and so mean something else than they seem to. Pure.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_AMERICAN = {
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "mountain": "America/Denver",
    "arizona": "America/Phoenix",
    "pacific": "America/Los_Angeles",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
}
_ABBREVIATED = {
    "e": "America/New_York",
    "c": "America/Chicago",
    "m": "America/Denver",
    "p": "America/Los_Angeles",
    "ak": "America/Anchorage",
    "h": "Pacific/Honolulu",
}
_ABBREVIATION = re.compile(r"(e|c|m|p|ak|h)[sd]?t([5-9][ecmp]dt)?")


class ZoneUnclear(Exception):
    """The text names no time zone, or not the one that is meant. The message says what is expected instead."""


def find_zone(text: str) -> str:
    """The name of the time zone that is meant by ``text``, in its official spelling. ``UTC`` is one.

    Raises:
        ZoneUnclear: it names the closest zone, if there is one.
    """
    name = " ".join(text.split()).lower()
    american = _AMERICAN.get(name.removeprefix("us ").removesuffix(" (us)").removesuffix(" time").strip())
    if american:
        return american
    if found := _names().get(name.replace(" ", "_")):
        return found
    if short := _ABBREVIATION.fullmatch(name):
        meant = _ABBREVIATED[short[1]]
        raise ZoneUnclear(f"must be a place, because abbreviations are ambiguous; did you mean {meant}?")
    near = difflib.get_close_matches(name.replace(" ", "_"), _names(), n=1, cutoff=0.7)
    suggestion = f"; did you mean {_names()[near[0]]}?" if near else ""
    raise ZoneUnclear(f"must be a time zone name like America/New_York{suggestion}")


def zone_names() -> tuple[str, ...]:
    """Every name that stands for itself, in order: what a list offers."""
    return tuple(sorted({*_names().values()}))


@cache
def _names() -> Mapping[str, str]:
    """Lowercase name -> official name, for each place of the time zone database and its older names."""
    folder = files("tzdata") / "zoneinfo"
    places = {line.split("\t")[2] for line in _lines((folder / "zone.tab").read_text()) if not line.startswith("#")}
    links = {line.split()[2]: line.split()[1] for line in _lines((folder / "tzdata.zi").read_text()) if line[0] == "L"}
    known = zoneinfo.available_timezones()
    names = {"utc": "UTC", "etc/utc": "UTC"}
    for name in known:
        official = name
        while official not in places and official in links:
            official = links[official]
        if "/" in name and official in places and official in known:
            names[name.lower()] = official
    return names


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]
