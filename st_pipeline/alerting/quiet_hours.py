"""Quiet hours: a daily period when only urgent alerts are sent. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from st_pipeline.rules.findings import Severity
from st_pipeline.settings import SettingsError
from st_pipeline.tenants.time_zones import ZoneUnclear, find_zone

SETTING = "ST_PIPELINE_QUIET_HOURS"

_FORM = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to ``end`` (exclusive) in ``zone``; across midnight if ``end`` is earlier."""

    start: time
    end: time
    zone: ZoneInfo

    def is_quiet(self, now: datetime) -> bool:
        """Whether ``now`` is in the quiet hours. An hour that the clock repeats is quiet both times."""
        clock = now.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def is_held(severity: Severity, quiet: QuietHours | None, now: datetime) -> bool:
    """Whether an alert waits for the end of the quiet hours."""
    return severity is Severity.CAN_WAIT and quiet is not None and quiet.is_quiet(now)


def parse_quiet_hours(text: str) -> QuietHours:
    """``22:00-07:00 America/Chicago``; without a zone they are UTC.

    Raises:
        SettingsError: anything else.
    """
    match = _FORM.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        from_hour, from_minute, to_hour, to_minute, zone = match.groups()
        start, end = time(int(from_hour), int(from_minute)), time(int(to_hour), int(to_minute))
        hours = QuietHours(start, end, ZoneInfo(find_zone(zone or "UTC")))
        if start == end:
            raise ValueError
    except (ValueError, ZoneUnclear):
        raise SettingsError(f"{SETTING}: expected hours and a time zone, like 22:00-07:00 America/Chicago") from None
    return hours
