"""Words for figures and states, the same on every page. Pure; no HTML.

rendering.py words instants, because they depend on the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import TenantOverview
from st_pipeline.tenants.model import Status, Tenant

NOTHING = "–"
"""Shown for unknown values."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in a word, and its tone: good, bad, warn, busy or quiet."""

    word: str
    tone: str


_STATUS_TONES = {
    Status.CONNECTED: "good",
    Status.NOT_CONNECTED: "warn",
    Status.REFUSED: "bad",
    Status.UNREACHABLE: "warn",
}
_SYNC_TONES = {
    SyncState.SUCCEEDED: "good",
    SyncState.FAILED: "bad",
    SyncState.INTERRUPTED: "bad",
    SyncState.RUNNING: "busy",
}


def connection_badge(tenant: Tenant) -> Badge:
    """The state of a tenant's connection; disabled comes first."""
    return Badge(tenant.status.label, _STATUS_TONES[tenant.status]) if tenant.enabled else Badge("disabled", "quiet")


def sync_badge(state: SyncState) -> Badge:
    """The state or outcome of a sync."""
    return Badge(state.value, _SYNC_TONES[state])


@dataclass(frozen=True, slots=True)
class DataState:
    """How fresh a tenant's data is: the state, and ``until`` or ``since`` when."""

    badge: Badge
    preposition: str
    at: datetime


def data_state(one: TenantOverview) -> DataState | None:
    """None if no automatic sync is expected. Data that was never complete is neither fresh nor stale yet."""
    if one.stale_since:
        return DataState(Badge("stale", "bad"), "since", one.stale_since)
    if one.fresh_until is None:
        return None
    if one.last_success_at is None:
        return DataState(Badge("not complete yet", "quiet"), "due by", one.fresh_until)
    return DataState(Badge("fresh", "good"), "until", one.fresh_until)


def duration(seconds: float | None) -> str:
    """``0.8 s``, ``42 s``, ``12 min``, ``3.2 h``."""
    if seconds is None:
        return NOTHING
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def latency(seconds: float) -> str:
    """``3 ms``, ``0.14 s``, ``12.3 s``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def count(number: int | None) -> str:
    """``1,234``."""
    return NOTHING if number is None else f"{number:,}"


def share(part: float | None) -> str:
    """A share from 0 to 1 as ``97.5%``; never 100% if something is missing."""
    if part is None:
        return NOTHING
    text = f"{part:.1%}"
    return "99.9%" if part < 1 and text == "100.0%" else text.replace(".0%", "%")


def size(number: int | None) -> str:
    """Bytes as ``12 kB``, ``3.4 MB``, or ``1.2 TB``."""
    if number is None:
        return NOTHING
    if number < 1000:
        return f"{number} B"
    for unit, factor in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if number < factor * 999.5:
            return f"{number / factor:.3g} {unit}"
    return f"{number / 1e12:,.1f} TB"
