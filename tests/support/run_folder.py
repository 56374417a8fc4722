"""One temporary folder for a whole run of the suite, and a sweeper that leaves nothing of it behind.

Workers that take long to end are killed, and so are runs: what ends with its process cannot be relied on. So everything
temporary goes below one folder, and a process of its own waits for the end of the run, however it ends. It then kills
every process that was started with the folder, PostgreSQL servers among them, and removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

GRACE_SECONDS = 10


class RunFolder:
    """The folder of a run, which ``TMPDIR`` names to this process and to all that it starts."""

    def __init__(self) -> None:
        self._before = os.environ.get("TMPDIR")
        self.path = Path(tempfile.mkdtemp(prefix="st-run-"))
        self.path.chmod(0o755)  # as root the server runs as another user, who must get in
        self._use(str(self.path))
        # Its standard input ends with this process, even if that is killed. A Ctrl-C is not meant for it.
        self._sweeper = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Sweep now, and wait for it."""
        self._use(self._before)
        self._sweeper.communicate()

    def _use(self, folder: str | None) -> None:
        os.environ.pop("TMPDIR", None)
        if folder:
            os.environ["TMPDIR"] = folder
        tempfile.tempdir = None  # read again from the environment


def processes_of(folder: str) -> list[psutil.Process]:
    """Every process but this one that was started with ``folder``, or one below, in its arguments or as ``TMPDIR``."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            names_it = any(folder in argument for argument in process.cmdline())
            if process.status() == psutil.STATUS_ZOMBIE:
                continue  # it has ended; only its parent has not asked yet
            if process.pid != os.getpid() and (names_it or process.environ().get("TMPDIR", "").startswith(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def sweep(folder: str) -> None:
    """End what belongs to ``folder``, politely at first, and remove it."""
    for sign in (signal.SIGQUIT, signal.SIGKILL):  # to a PostgreSQL server, SIGQUIT is a shutdown at once
        give_up_at = time.monotonic() + GRACE_SECONDS
        while (left := processes_of(folder)) and time.monotonic() < give_up_at:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(sign)
            time.sleep(0.05)  # not psutil.wait_procs, which waits for a zombie until its parent asks
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.read()
    sweep(sys.argv[1])
