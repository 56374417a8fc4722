"""The forty tenants of the simulated month, and its events. Data only; month.py runs it.

Each cadence is written twice: as the product reads it, and by hand as the oracle (month_oracle.py) does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def march(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


# US clocks change on the 8th, European clocks on the 29th.
START, END = march(1), datetime(2026, 4, 1, 12, tzinfo=UTC)
# Three hours that include Monday for the tenants in Chicago; long enough for all retries but the last to fail.
OUTAGE = march(16, 7), march(16, 10)
STOPPED = march(18), march(19)
CONNECTED_AT = march(10, 18)
RECHECKED_WITHIN = 6 * HOUR
REFUSED_FROM = march(5, 12)
DISABLED, ENABLED = march(8, 12), march(20, 16, 30)
CALMED = march(19, 18)
OFTEN, SELDOM = march(20, 11, 50), march(21, 11, 50)

# Only what the legacy tables require; more would make the suite slower.
SCOPES = frozenset({"tn.crm.customers:r", "tn.acc.invoices:r", "tn.jpm.appointments:r"})
ENTITIES = ("crm_customers", "crm_customer_contacts", "accounting_invoices", "jpm_appointments")


def _never(day: date) -> bool:
    return False


@dataclass(frozen=True)
class Times:
    """A cadence as the oracle reads it: days and a local time, or an interval; and hours to start in."""

    text: str
    days: Callable[[date], bool] = _never
    at: str = "02:00"
    every: timedelta | None = None
    hours: tuple[str, str] | None = None


@dataclass(frozen=True)
class Planned:
    """One tenant. ``phases``: when the daemon should sync it, and with which cadence."""

    key: str
    times: Times
    zone: str = "UTC"
    phases: tuple[tuple[datetime, datetime, Times], ...] = ()
    scopes: frozenset[str] = SCOPES
    is_healthy: bool = True


@dataclass(frozen=True)
class Asked:
    """A requested sync; ``served_from`` is when the daemon can know about it."""

    at: datetime
    tenant: str
    by: str
    entities: tuple[str, ...] | None = None
    served_from: datetime = field(default=START)


def every(length: timedelta, text: str, hours: tuple[str, str] | None = None) -> Times:
    return Times(text, every=length, hours=hours)


def weekly(text: str, weekday: int, at: str = "02:00", hours: tuple[str, str] | None = None) -> Times:
    return Times(text, lambda day: day.weekday() == weekday, at, hours=hours)


def monthly(day_of_month: int) -> Times:
    return Times(f"monthly {day_of_month}", lambda day: day.day == day_of_month)


def planned(key: str, times: Times, zone: str = "UTC", *, healthy: bool = True, lacking: str = "") -> Planned:
    """A tenant that should be synced at all times except while the daemon is stopped."""
    phases = ((START, STOPPED[0], times), (STOPPED[1], END, times))
    return Planned(key, times, zone, phases, SCOPES - {lacking}, healthy)


# Both share a run every night of the last week; on the 29th, the clock skips their hours.
LAST_NIGHTS = Times("0 2 25-31 * * between 02:00 and 02:16", lambda day: 25 <= day.day <= 31, hours=("02:00", "02:16"))
NIGHTLY = Times("nightly", lambda day: True)
LAST = Times("monthly last 03:00", lambda day: (day + DAY).day == 1, "03:00")
SUNDAYS = Times("30 2 * 3 0", lambda day: day.month == 3 and day.weekday() == 6, "02:30")
SIX_HOURS, RARE = every(6 * HOUR, "every 6h"), monthly(28)
TUESDAYS, THURSDAYS = weekly("weekly tue", 1), weekly("weekly thu 05:30", 3, "05:30")
PAUSED = Times("paused")

_MONTHLY = (
    (4, "America/Los_Angeles"), (6, "Asia/Kolkata"), (8, "America/New_York"), (9, "Europe/London"), (11, "UTC"),
    (12, "America/Anchorage"), (13, "America/Denver"), (14, "Asia/Tokyo"), (18, "Europe/Berlin"),
    (18, "America/Chicago"), (20, "Africa/Cairo"), (24, "Australia/Adelaide"), (26, "America/St_Johns"),
    (29, "Europe/Berlin"), (30, "Pacific/Auckland"), (31, "America/Denver"),
)  # fmt: skip

TENANTS: tuple[Planned, ...] = (
    *(planned(f"berlin-{n}", LAST_NIGHTS, "Europe/Berlin") for n in (1, 2)),
    planned("chicago-1", weekly("weekly mon", 0), "America/Chicago"),
    *(planned(f"chicago-{n}", monthly(16), "America/Chicago") for n in (2, 3)),
    planned("cron-1", SUNDAYS, "America/New_York"),
    planned("cron-2", Times("0 3 1,15 * *", lambda day: day.day in (1, 15), "03:00"), "Australia/Sydney"),
    planned("cron-3", Times("15 4 10-12 * *", lambda day: day.day in (10, 11, 12), "04:15"), "Pacific/Auckland"),
    Planned(
        "disabled-1", TUESDAYS, "America/Chicago", ((START, DISABLED, TUESDAYS), (ENABLED, END, TUESDAYS))
    ),
    planned("five-1", every(5 * DAY, "every 5d")),
    planned("five-2", every(15 * DAY, "every 15d")),
    planned("last-1", LAST, "America/Sao_Paulo"),
    Planned(
        "late-1", NIGHTLY, "Asia/Tokyo",
        ((CONNECTED_AT, STOPPED[0], NIGHTLY), (STOPPED[1], CALMED, NIGHTLY), (CALMED, END, THURSDAYS)),
    ),
    *(planned(f"month-{n:02}", monthly(day), zone) for n, (day, zone) in enumerate(_MONTHLY)),
    planned("paused-1", PAUSED, "America/Chicago"),
    planned("refused-1", every(5 * DAY, "every 5d"), healthy=False),
    planned("scope-1", monthly(10), "America/Chicago", healthy=False, lacking="tn.jpm.appointments:r"),
    Planned(
        "six-1", RARE, "UTC",
        ((START, STOPPED[0], RARE), (STOPPED[1], OFTEN, RARE), (OFTEN, SELDOM, SIX_HOURS), (SELDOM, END, RARE)),
    ),
    *(planned(f"ten-{n}", every(10 * DAY, "every 10d")) for n in (1, 2, 3)),
    planned("ten-4", every(31 * DAY, "every 31d")),
    planned("window-1", every(10 * DAY, "every 10d between 20:00 and 04:00", ("20:00", "04:00")), "America/New_York"),
    planned(
        "window-2", weekly("weekly wed 12:00 between 22:00 and 04:00", 2, "12:00", ("22:00", "04:00")), "Asia/Tokyo"
    ),
    planned("window-3", Times("30 12 21 * * between 23:00 and 05:00", lambda day: day.day == 21, "12:30",
                              hours=("23:00", "05:00")), "America/Chicago"),
)  # fmt: skip

ASKED: tuple[Asked, ...] = (
    Asked(march(3, 12, 10), "month-03", "ada@example.com"),
    Asked(march(12, 12, 20), "paused-1", "ada@example.com"),
    Asked(march(14, 12, 15), "ten-2", "grace@example.com", ("crm_customers",)),
    # While the daemon is stopped.
    Asked(march(18, 9), "ten-3", "grace@example.com", served_from=STOPPED[1]),
)
