"""When a tenant is due: one answer for the schedule, the command line, and the portal. Pure; reads no clock.

tenants/cadence.py and tenants/cadence_parsing.py define cadences, regular_times.py computes their times, and
tenant_states.py reads the state of a tenant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from st_pipeline.schedule.regular_times import RegularTimes
from st_pipeline.tenants.cadence import Cadence
from st_pipeline.tenants.cadence_parsing import parse

__all__ = ["PAUSES", "Cadence", "Due", "Reason", "State", "is_due", "next_sync", "parse", "regular_times"]

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 45, 120))
"""Waits before the first, second, … retry for one scheduled time. There are no further retries."""
LONGEST_HOLD = timedelta(minutes=15)
"""Scheduled times that come sooner after a failure than a retry wait too, but at most this long."""
REFUSED_HOLD = timedelta(hours=2)
"""How long they wait after a failure that needs a person to fix."""
PUNCTUAL = timedelta(minutes=15)
"""A sync that starts this late is still on time: a running daemon may need until its next tick."""


class Reason(StrEnum):
    """Why a sync is due."""

    FIRST = "first"
    REGULAR = "regular"
    CATCH_UP = "catch_up"
    """The last of one or more missed scheduled times."""
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class State:
    """A tenant's sync history, used to decide what is next. Instants are timezone-aware."""

    connected_since: datetime | None
    """None: it was never connected, and nothing is due."""
    last_success_due: datetime | None
    """Scheduled times up to here are served: those of the last successful sync, or later ones before it started."""
    failed_starts: tuple[datetime, ...] = ()
    """Start times of the syncs that failed since the last success, ascending."""
    last_ended_at: datetime | None = None
    """When the last of them ended."""
    last_failure_is_permanent: bool = False
    """Retrying won't help: the credentials were rejected."""
    credentials_changed_at: datetime | None = None
    """Failures before this are ignored."""
    enabled: bool = True
    running: bool = False
    """A sync is queued or running."""

    @property
    def failures_in_a_row(self) -> int:
        """Failed syncs since the last success."""
        return len(self.failed_starts)


@dataclass(frozen=True, slots=True)
class Due:
    """The next sync. It is due from ``at`` (UTC) on; its success serves all scheduled times up to ``due_for``."""

    at: datetime
    reason: Reason
    due_for: datetime


def next_sync(cadence: Cadence, zone: str, state: State, now: datetime, key: str) -> Due | None:
    """The next sync of tenant ``key`` in ``zone``, as of ``now``; None if no automatic sync is scheduled.

    Due.at is in the past while a sync is due but not started. A tenant that was never synced is due at once. Only
    the last of the missed scheduled times is caught up. A failed sync is retried after PAUSES, unless that would be
    at the next scheduled time or later, or the failure is permanent. Closely spaced scheduled times also wait after a
    failure, so that a sync that always fails does not run every minute. Every start is in the window of the cadence.
    While a sync is running, this is the one after it.
    """
    if cadence.is_paused or not state.enabled or state.connected_since is None:
        return None
    times = RegularTimes(cadence, zone)
    served, connected = state.last_success_due, state.connected_since.astimezone(UTC)
    counted = [start for start in state.failed_starts if _counts(start, state)]
    held_until = _held_until(state, counted)
    due_for = _last_started(times, now, key)
    if state.running or (served is not None and served >= due_for):
        following = times.after(max(due_for, served or due_for))
        return _regular(times, following, key, None if state.running else held_until)
    if served is None and connected >= due_for:
        due_for = begins = connected
    else:
        begins = times.start(due_for, key)
    tries = [start for start in counted if start >= begins]
    is_first = served is None and not counted
    if len(tries) > len(PAUSES) or (tries and state.last_failure_is_permanent):
        return _regular(times, times.after(due_for), key, held_until)
    if tries:
        reason, wanted = Reason.RETRY, max(tries[-1], state.last_ended_at or tries[-1]) + PAUSES[len(tries) - 1]
    else:
        reason, wanted = (Reason.FIRST, connected) if is_first else (Reason.REGULAR, max(begins, held_until or begins))
    # An overdue sync starts now, or when the window opens; it is due from when the window opened.
    happens = times.hours.next_allowed(max(wanted, now))
    if happens >= (following := times.after(due_for)):
        if not is_first:
            return _regular(times, following, key, held_until)
        due_for = times.until(happens)
    if reason is Reason.REGULAR and happens - wanted > PUNCTUAL:
        reason = Reason.CATCH_UP
    at = max(wanted, times.hours.since(happens) or wanted)
    return Due(at.astimezone(UTC), reason, due_for)


def is_due(cadence: Cadence, zone: str, state: State, now: datetime, key: str) -> bool:
    """Whether tenant ``key`` is due at ``now``."""
    due = next_sync(cadence, zone, state, now, key)
    return due is not None and due.at <= now and not state.running


def regular_times(cadence: Cadence, zone: str, after: datetime, n: int) -> list[datetime]:
    """The next ``n`` scheduled times after an instant, in UTC, without a tenant's own delay; none when paused."""
    if cadence.is_paused:
        return []
    times = RegularTimes(cadence, zone)

    def following() -> Iterator[datetime]:
        at = after
        while True:
            at = times.after(at)
            yield at

    return list(islice(following(), n))


def _regular(times: RegularTimes, regular: datetime, key: str, held_until: datetime | None) -> Due:
    at, reason = times.start(regular, key), Reason.REGULAR
    if held_until and at < held_until:
        at = times.hours.next_allowed(held_until)
        regular = _last_started(times, at, key)
        if at >= (following := times.after(regular)):  # which is about to start
            at, regular = times.start(following, key), following
        elif at - max(times.start(regular, key), held_until) > PUNCTUAL:
            reason = Reason.CATCH_UP
    return Due(at.astimezone(UTC), reason, regular)


def _held_until(state: State, counted: list[datetime]) -> datetime | None:
    """No scheduled sync starts before this, because the last sync just failed."""
    if not counted:
        return None
    if state.last_failure_is_permanent:
        hold = REFUSED_HOLD
    else:
        hold = min(PAUSES[min(len(counted), len(PAUSES)) - 1], LONGEST_HOLD)
    return max(counted[-1], state.last_ended_at or counted[-1]) + hold


def _last_started(times: RegularTimes, now: datetime, key: str) -> datetime:
    """The last scheduled time that tenant ``key`` should have started for by ``now``."""
    regular = times.until(now)
    # Delays end before the next regular time, so it is this one or the one before.
    return regular if times.start(regular, key) <= now else times.until(regular - timedelta.resolution)


def _counts(start: datetime, state: State) -> bool:
    return state.credentials_changed_at is None or start > state.credentials_changed_at
