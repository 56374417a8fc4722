"""The rate limit of one app and tenant, shared by all threads and processes on this machine.

ServiceTitan allows 60 calls a second per app and tenant. Each caller takes the next free slot from a small file for
that pair. Slots are 1/50 s apart and cannot be saved up, so there is no burst. A wait named by the API delays the next
slot for every caller. retrying.py has the retries, calls.py the counts.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from st_pipeline.secret import Secret

CALLS_PER_SECOND = 50.0  # of 60 allowed: room for jitter between taking a slot and the server's clock
_LAYOUT = struct.Struct("<dd")
# A file's slot is at most this far in the future. Anything later is from before a reboot, when the clock restarted.
_FARTHEST = 600.0
# A caller that wakes later than this after its slot takes a new one. Callers that are less late add at most a tenth of
# the rate to a second: 55 calls, plus the one at its edge.
_LATENESS = 0.1


@dataclass(frozen=True, slots=True)
class Slots:
    """State of one pair, in ``time.monotonic()`` times, which all processes on a machine share."""

    next_free: float = 0.0
    held_until: float = 0.0


def take(slots: Slots, now: float, interval: float) -> tuple[float, Slots]:
    """When the next call may start (never before ``now``), and the state after taking that slot."""
    slots = _believed(slots, now)
    start = max(now, slots.next_free, slots.held_until)
    return start, Slots(start + interval, slots.held_until)


def held(slots: Slots, now: float, until: float) -> Slots:
    """The state in which no call starts before ``until``; a shorter hold never ends a longer one."""
    slots = _believed(slots, now)
    return Slots(slots.next_free, max(slots.held_until, min(until, now + _FARTHEST)))


def _believed(slots: Slots, now: float) -> Slots:
    times = (time if time <= now + _FARTHEST else 0.0 for time in (slots.next_free, slots.held_until))
    return Slots(*times)  # NaN compares false and is dropped too


_Change = Callable[[Slots], tuple[float, Slots]]


class Lane:
    """The pace of one app key and tenant. Instances that share a file share the pace."""

    def __init__(self, file: Path, calls_per_second: float) -> None:
        self._file = file
        self._interval = 1.0 / calls_per_second

    def wait(self, until: float = math.inf) -> float | None:
        """Block until this caller may start a call; returns the seconds waited.

        Returns None right away if it may not before ``until`` (``time.monotonic()``): others hold the lane.

        A caller that wakes late (busy machine, stopped process) takes a new slot, so that late calls do not coincide
        with on-time ones.
        """
        began = time.monotonic()
        while True:
            start = self._take(until)
            if start > until:
                return None
            if (ahead := start - time.monotonic()) > 0:
                time.sleep(ahead)
            now = time.monotonic()
            if now - start < _LATENESS:
                return now - began

    def hold(self, seconds: float) -> None:
        """Start no call in this lane for this many seconds: the wait named in a 429."""
        now = time.monotonic()
        self._change(lambda slots: (0.0, held(slots, now, now + seconds)))

    def _take(self, until: float) -> float:
        """The start of a slot. It is only taken if it starts before ``until``."""

        def change(slots: Slots) -> tuple[float, Slots]:
            start, after = take(slots, time.monotonic(), self._interval)
            return start, after if start <= until else slots

        return self._change(change)

    def _change(self, change: _Change) -> float:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # per open file: separates threads as well as processes
            stored = os.pread(descriptor, _LAYOUT.size, 0)
            slots = Slots(*_LAYOUT.unpack(stored)) if len(stored) == _LAYOUT.size else Slots()
            result, slots = change(slots)
            os.pwrite(descriptor, _LAYOUT.pack(slots.next_free, slots.held_until), 0)
            return result
        finally:
            os.close(descriptor)


class Pacer:
    """Lanes in one folder, which is created if missing. All callers on this machine must share the folder."""

    def __init__(self, folder: Path, calls_per_second: float = CALLS_PER_SECOND) -> None:
        if not 0 < calls_per_second < 60:
            raise ValueError(f"{calls_per_second} calls a second: the API allows fewer than 60 per app and tenant")
        self._folder = folder
        self._calls_per_second = calls_per_second

    def lane(self, app_key: Secret, tenant_id: int) -> Lane:
        """A pair's lane. Its file name is a digest that reveals neither the key nor the id."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(f"st-pipeline pace\0{app_key.reveal()}\0{tenant_id}".encode()).hexdigest()[:32]
        return Lane(self._folder / f"{name}.pace", self._calls_per_second)
