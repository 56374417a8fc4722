"""sync/memory.py: two arenas of malloc for any number of threads. The peak of a sync is in tests/soak."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

# Every thread allocates while all the others still live, then glibc writes what it has: a heap for each arena.
ALLOCATE = """
import ctypes, sys, threading
from st_pipeline.sync.memory import keep_peak_low
if "limited" in sys.argv:
    keep_peak_low()
    keep_peak_low()
here = threading.Barrier(12)
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
def allocate():
    here.wait()
    malloc(10_000)
    here.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library = ctypes.CDLL(None)
library.malloc_info(0, ctypes.c_void_p.in_dll(library, "stdout"))
library.fflush(None)
"""


def arenas(*arguments: str) -> int:
    command = [sys.executable, "-c", ALLOCATE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("<heap ")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_threads_share_two_arenas_once_the_limit_is_set() -> None:
    assert arenas() > 2, "without the limit there are more, so the test can tell"
    assert arenas("limited") <= 2
