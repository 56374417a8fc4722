"""The peak memory of a command, started by a small process in between.

A process's memory before it executes another program counts toward that program's peak. So a test with all its
libraries must not start the measured process itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LAUNCHER = """
import json, os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """How a command ended, its peak resident set in megabytes, and its output."""

    status: int
    peak: float
    said: str


def measured(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run ``command`` (starting with an absolute path) to its end; the peak covers children it waited for."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
        env=dict(environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    status, kilobytes = json.loads(done.stdout)
    return Measured(status, kilobytes / 1024, done.stderr)
