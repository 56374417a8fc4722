"""log_lines.py: what a process without logging of its own writes to standard error."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = r"""
import logging
from st_pipeline import log_lines
log_lines.make_visible()
log = logging.getLogger("st_pipeline.x")
log.warning("%s: %s", "acme", "\x1b[2J\u202eabc")
try:
    raise ValueError("bad \x1b]0;title\x07")
except ValueError:
    log.exception("failed")
"""


def test_messages_and_tracebacks_are_visible() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert lines[0] == r"acme: \x1b[2J<U+202E>abc"
    assert lines[-1] == r"ValueError: bad \x1b]0;title\x07"
    assert "\x1b" not in done.stderr
