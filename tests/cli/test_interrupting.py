"""cli/interrupting.py: Ctrl-C and a plain kill end a block in order, in a real process."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WAIT = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background
from st_pipeline.cli.interrupting import until_interrupted
with until_interrupted():
    try:
        print("waiting", flush=True)
        while True:
            signal.pause()
    finally:
        print("cleaned up", flush=True)
print("after", flush=True)
"""


def run(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_either_signal_ends_the_block_and_what_follows_it_still_runs(number: signal.Signals) -> None:
    with run(WAIT) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(number)
            said, errors = process.communicate()
        finally:
            process.kill()
    assert (process.returncode, said, errors) == (0, "cleaned up\nStopped.\nafter\n", "")


def test_a_block_that_ends_by_itself_says_nothing() -> None:
    with run(
        "from st_pipeline.cli.interrupting import until_interrupted\nwith until_interrupted():\n    pass"
    ) as process:
        assert process.communicate() == ("", "")
    assert process.returncode == 0


def test_an_error_in_the_block_is_not_taken_for_an_interruption() -> None:
    code = "from st_pipeline.cli.interrupting import until_interrupted\nwith until_interrupted():\n    1 / 0"
    with run(code) as process:
        said, errors = process.communicate()
    assert (process.returncode, said) == (1, "")
    assert "ZeroDivisionError" in errors
