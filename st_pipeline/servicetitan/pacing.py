"""How often one app may call for one tenant, kept by all threads and processes of this machine together.

ServiceTitan allows 60 calls a second per app and tenant. Every caller takes the next free slot out of a small file that
belongs to the pair; slots are 1/50 s apart and never saved up, so there is no burst. A wait that the API named moves
the next slot for everybody. Retrying is retrying.py; counting is calls.py.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from st_pipeline.secret import Secret

CALLS_PER_SECOND = 50.0  # of 60 allowed: room for the jitter between taking a slot and the server's clock
_LAYOUT = struct.Struct("<dd")
# A file says this much about the future at most. More is left over from before a restart, when the clock began anew.
_FARTHEST = 600.0
# Who wakes later than this after the slot's time takes a new one. Callers that are late by less crowd a second by a
# tenth of the rate at most: 55 calls and the one at its edge.
_LATENESS = 0.1


@dataclass(frozen=True, slots=True)
class Slots:
    """State of one pair: times of ``time.monotonic()``, which all processes of a machine share."""

    next_free: float = 0.0
    held_until: float = 0.0


def take(slots: Slots, now: float, interval: float) -> tuple[float, Slots]:
    """When the next call may start (never before ``now``), and the state after it took that slot."""
    slots = _believed(slots, now)
    start = max(now, slots.next_free, slots.held_until)
    return start, Slots(start + interval, slots.held_until)


def held(slots: Slots, now: float, until: float) -> Slots:
    """The state in which nobody starts before ``until``; a shorter hold never ends a longer one."""
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

    def wait(self) -> float:
        """Blocks until this caller may start a call; seconds waited.

        A caller that wakes late (a busy machine, a stopped process) takes a new slot, so that late ones do not start
        together with those on time.
        """
        began = time.monotonic()
        while True:
            start = self._take()
            if (ahead := start - time.monotonic()) > 0:
                time.sleep(ahead)
            now = time.monotonic()
            if now - start < _LATENESS:
                return now - began

    def hold(self, seconds: float) -> None:
        """Nobody of this lane starts a call for so long: the wait that a 429 named."""
        now = time.monotonic()
        self._change(lambda slots: (0.0, held(slots, now, now + seconds)))

    def _take(self) -> float:
        return self._change(lambda slots: take(slots, time.monotonic(), self._interval))

    def _change(self, change: _Change) -> float:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # by open file: keeps threads apart as well as processes
            stored = os.pread(descriptor, _LAYOUT.size, 0)
            slots = Slots(*_LAYOUT.unpack(stored)) if len(stored) == _LAYOUT.size else Slots()
            result, slots = change(slots)
            os.pwrite(descriptor, _LAYOUT.pack(slots.next_free, slots.held_until), 0)
            return result
        finally:
            os.close(descriptor)


class Pacer:
    """Lanes in one folder, which is made when it is not there. One folder for all that call from this machine."""

    def __init__(self, folder: Path, calls_per_second: float = CALLS_PER_SECOND) -> None:
        if not 0 < calls_per_second < 60:
            raise ValueError(f"{calls_per_second} calls a second: the API allows fewer than 60 per app and tenant")
        self._folder = folder
        self._calls_per_second = calls_per_second

    def lane(self, app_key: Secret, tenant_id: int) -> Lane:
        """The lane of a pair. Its file is named by a digest; neither the key nor the id can be read from it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(f"st-pipeline pace\0{app_key.reveal()}\0{tenant_id}".encode()).hexdigest()[:32]
        return Lane(self._folder / f"{name}.pace", self._calls_per_second)
