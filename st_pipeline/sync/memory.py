"""How this process asks for memory and gives it back: a sync peaks at what its pages need, not at what allocators keep.

glibc's arenas, one for each thread that allocates, hold on to what was freed. Two of them, and giving back what is
large, keep a sync's peak where its pages put it (tests/soak); Arrow's pool is chosen where the package begins.
"""

from __future__ import annotations

import ctypes
from functools import cache

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 2
_LARGE = 2 * 1024 * 1024  # bytes; given back at once when freed. With 1 MB the system's time for that showed


@cache
def keep_peak_low() -> None:
    """Set it up, once a process; before threads start, as one that has an arena keeps it.

    Where the C library is another than glibc nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
