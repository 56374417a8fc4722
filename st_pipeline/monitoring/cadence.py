"""When a tenant is due: the one answer for the schedule, the command line and the portal. Pure; no clock is read.

What a cadence is and how it is written is in tenants/cadence.py and tenants/cadence_parsing.py, its times as such in
regular_times.py, where a tenant's state comes from in sync_states.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from st_pipeline.monitoring.regular_times import RegularTimes
from st_pipeline.tenants.cadence import Cadence
from st_pipeline.tenants.cadence_parsing import parse

__all__ = ["PAUSES", "Cadence", "Due", "Reason", "State", "is_due", "next_sync", "parse", "regular_times"]

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 45, 120))
"""Before the first, second … retry for one regular time; there are no more of them."""
PUNCTUAL = timedelta(minutes=15)
"""So late is still on time: the next turn of a daemon that runs."""


class Reason(StrEnum):
    """Why a sync is due."""

    FIRST = "first"
    REGULAR = "regular"
    CATCH_UP = "catch_up"
    """Of one or more regular times that nobody kept, the last."""
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class State:
    """What a tenant did so far, for deciding what is next. Instants are aware."""

    connected_since: datetime | None
    """None: never was connected, and nothing is due."""
    last_success_due: datetime | None
    """Up to when regular times are served: what the last success was due for, or later, when it was started."""
    failed_starts: tuple[datetime, ...] = ()
    """When the syncs started that failed since the last success, ascending."""
    last_ended_at: datetime | None = None
    """When the last of them ended."""
    last_failure_is_permanent: bool = False
    """Nothing changes by trying again: credentials refused."""
    credentials_changed_at: datetime | None = None
    """Failures of before are forgotten."""
    enabled: bool = True
    running: bool = False
    """A sync is queued or runs."""

    @property
    def failures_in_a_row(self) -> int:
        """Failed syncs since the last success."""
        return len(self.failed_starts)


@dataclass(frozen=True, slots=True)
class Due:
    """The next sync. It is due from ``at`` on, in UTC; its success serves all regular times up to ``due_for``."""

    at: datetime
    reason: Reason
    due_for: datetime


def next_sync(cadence: Cadence, zone: str, state: State, now: datetime, key: str) -> Due | None:
    """The next sync of tenant ``key`` in ``zone``, as seen at ``now``; None where none will happen by itself.

    Due.at is in the past while a sync is due and nobody started it. A tenant that never was synced is due at once. Of
    regular times that passed only the last is caught up with. A sync that failed is tried again after PAUSES, unless
    that would be at the next regular time or later, or its failure is permanent. Every start is in the window of the
    cadence. While a sync is running, what comes after it.
    """
    if cadence.is_paused or not state.enabled or state.connected_since is None:
        return None
    times = RegularTimes(cadence, zone)
    served, connected = state.last_success_due, state.connected_since.astimezone(UTC)
    due_for = _last_started(times, now, key)
    if state.running or (served is not None and served >= due_for):
        return _regular(times, times.after(max(due_for, served or due_for)), key)
    if served is None and connected > due_for:
        due_for = begins = connected
    else:
        begins = times.start(due_for, key)
    counted = [start for start in state.failed_starts if _counts(start, state)]
    tries = [start for start in counted if start >= begins]
    is_first = served is None and not counted
    if len(tries) > len(PAUSES) or (tries and state.last_failure_is_permanent):
        return _regular(times, times.after(due_for), key)
    if tries:
        reason, wanted = Reason.RETRY, max(tries[-1], state.last_ended_at or tries[-1]) + PAUSES[len(tries) - 1]
    else:
        reason, wanted = (Reason.FIRST, connected) if is_first else (Reason.REGULAR, begins)
    # What should have happened before now happens now, or when the window opens again; it is due since it opened.
    happens = times.hours.next_allowed(max(wanted, now))
    if happens >= (following := times.after(due_for)):
        if not is_first:
            return _regular(times, following, key)
        due_for = times.until(happens)
    if reason is Reason.REGULAR and happens - wanted > PUNCTUAL:
        reason = Reason.CATCH_UP
    at = max(wanted, times.hours.since(happens) or wanted)
    return Due(at.astimezone(UTC), reason, due_for)


def is_due(cadence: Cadence, zone: str, state: State, now: datetime, key: str) -> bool:
    """Whether tenant ``key`` is to be synced at ``now``."""
    due = next_sync(cadence, zone, state, now, key)
    return due is not None and due.at <= now and not state.running


def regular_times(cadence: Cadence, zone: str, after: datetime, n: int) -> list[datetime]:
    """The next ``n`` regular times after an instant, in UTC, without a tenant's own delay; none when paused."""
    if cadence.is_paused:
        return []
    times = RegularTimes(cadence, zone)

    def following() -> Iterator[datetime]:
        at = after
        while True:
            at = times.after(at)
            yield at

    return list(islice(following(), n))


def _regular(times: RegularTimes, regular: datetime, key: str) -> Due:
    return Due(times.start(regular, key), Reason.REGULAR, regular)


def _last_started(times: RegularTimes, now: datetime, key: str) -> datetime:
    """The last regular time that tenant ``key`` should have started for by ``now``."""
    regular = times.until(now)
    # Delays end before the next regular time, so it is this one or the one before.
    return regular if times.start(regular, key) <= now else times.until(regular - timedelta.resolution)


def _counts(start: datetime, state: State) -> bool:
    return state.credentials_changed_at is None or start > state.credentials_changed_at
