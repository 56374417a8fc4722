"""Waiting for another process or thread, with a limit that only a hang reaches."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 600
"""Below pytest's own limit for a test, so the failure names the condition."""


def wait_for(
    what: str,
    is_there: Callable[[], bool],
    process: subprocess.Popen[Any] | None = None,
    *,
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Poll until ``is_there()``; fail if ``process`` ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not is_there():
        assert process is None or process.poll() is None, f"the process ended before: {what}"
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.01)
