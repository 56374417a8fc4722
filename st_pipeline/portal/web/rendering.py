"""Finds the templates and gives them filters for instants and figures. Everything is escaped and visible.

pages/ decides what is on a page; formats.py words the figures.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from st_pipeline.portal.words import formats
from st_pipeline.visible import visible_lines

TEMPLATES = Path(__file__).parent.parent / "templates"


def environment() -> Environment:
    """The template environment. An unknown name in a template is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    made.filters |= {
        "iso": iso,
        "in_zone": in_zone,
        "duration": formats.duration,
        "latency": formats.latency,
        "count": formats.count,
        "share": formats.share,
        "size": formats.size,
    }
    return made


def _shown(value: Any) -> Any:
    """What a template writes. HTML that it made itself consists of such parts."""
    return visible_lines(value) if type(value) is str else value


def iso(at: datetime) -> str:
    """For programs: in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def in_zone(at: datetime, zone: str) -> str:
    """For people: in the tenant's zone, like ``Nov 23, 2026, 1:19 AM CST``; portal.js puts the reader's zone first."""
    local = at.astimezone(ZoneInfo(zone))
    hour, half = local.hour % 12 or 12, "AM" if local.hour < 12 else "PM"
    return f"{local:%b} {local.day}, {local.year}, {hour}:{local:%M} {half} {local:%Z}"
