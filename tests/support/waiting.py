"""Waiting for what another process or thread does: until it is there, with a limit that only a hang reaches."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 600
"""Below pytest's own limit for a test, so that what was waited for is named."""


def wait_for(
    what: str,
    is_there: Callable[[], bool],
    process: subprocess.Popen[Any] | None = None,
    *,
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Look again and again until ``is_there()``; fails when ``process`` ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not is_there():
        assert process is None or process.poll() is None, f"it ended before: {what}"
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.01)
