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

from st_pipeline.schedule.regular_times import RegularTimes
from st_pipeline.tenants.cadence import Cadence
from st_pipeline.tenants.cadence_parsing import parse

__all__ = ["PAUSES", "Cadence", "Due", "Reason", "State", "is_due", "next_sync", "parse", "regular_times"]

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 45, 120))
"""Before the first, second … retry for one regular time; there are no more of them."""
LONGEST_HOLD = timedelta(minutes=15)
"""Regular times that follow a failure sooner than a retry would wait too, but no longer than this."""
REFUSED_HOLD = timedelta(hours=2)
"""So long they wait after a failure that only somebody's doing mends."""
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
    that would be at the next regular time or later, or its failure is permanent. Regular times close together wait
    after a failure as well, so that what fails every time is not asked every minute. Every start is in the window of
    the cadence. While a sync is running, what comes after it.
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
    # What should have happened before now happens now, or when the window opens again; it is due since it opened.
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
    """Before this no regular time is kept: the last sync failed only just now."""
    if not counted:
        return None
    if state.last_failure_is_permanent:
        hold = REFUSED_HOLD
    else:
        hold = min(PAUSES[min(len(counted), len(PAUSES)) - 1], LONGEST_HOLD)
    return max(counted[-1], state.last_ended_at or counted[-1]) + hold


def _last_started(times: RegularTimes, now: datetime, key: str) -> datetime:
    """The last regular time that tenant ``key`` should have started for by ``now``."""
    regular = times.until(now)
    # Delays end before the next regular time, so it is this one or the one before.
    return regular if times.start(regular, key) <= now else times.until(regular - timedelta.resolution)


def _counts(start: datetime, state: State) -> bool:
    return state.credentials_changed_at is None or start > state.credentials_changed_at
