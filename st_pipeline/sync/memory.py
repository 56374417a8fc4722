"""Tune memory allocation so that a sync's peak depends on its pages, not on what allocators keep.

glibc keeps an arena for each thread that allocates, and arenas hold on to freed memory. Allowing only two arenas and
returning large blocks right away keeps the peak low (tests/soak). Arrow's pool is set in the package's __init__.
"""

from __future__ import annotations

import ctypes
from functools import cache

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 2
_LARGE = 2 * 1024 * 1024  # bytes; returned as soon as freed. At 1 MB the extra system time was noticeable


@cache
def keep_peak_low() -> None:
    """Set the limits once per process, before threads start, because a thread keeps the arena it has.

    Does nothing if the C library isn't glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
