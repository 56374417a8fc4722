"""cli/interrupting.py: Ctrl-C and a plain kill end a block in order, in a real process."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from st_pipeline.cli.interrupting import Interruption

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


HURRIED = """
import time
from st_pipeline.cli.interrupting import until_interrupted
with until_interrupted() as interruption:
    try:
        print("waiting", flush=True)
        while True:
            time.sleep(0.01)
    finally:
        print("stopping", flush=True)
        while not interruption.is_urgent:
            time.sleep(0.01)
        print("stopped everything", flush=True)
"""


def test_a_second_signal_never_cuts_short_what_stops_the_rest() -> None:
    with run(HURRIED) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "stopping\n"
            process.send_signal(signal.SIGINT)
            said, errors = process.communicate()
        finally:
            process.kill()
    assert (process.returncode, said, errors) == (0, "stopped everything\nStopped.\n", "")


def test_a_signal_while_the_server_stops_at_the_end_does_nothing() -> None:
    code = """
import atexit, signal, sys
from st_pipeline.cli.interrupting import until_interrupted
atexit.register(lambda: (signal.raise_signal(signal.SIGINT), print("stopped the server", flush=True)))
with until_interrupted():
    signal.raise_signal(signal.SIGINT)
"""
    with run(code) as process:
        assert process.communicate() == ("Stopped.\nstopped the server\n", "")
    assert process.returncode == 0


def test_what_must_not_be_split_is_done_first() -> None:
    interruption = Interruption()
    done = []
    with pytest.raises(KeyboardInterrupt), interruption.held():
        interruption.handle(signal.SIGINT, None)
        done.append("started and noted")
    assert done


def test_an_error_in_such_a_block_comes_first() -> None:
    interruption = Interruption()
    with pytest.raises(ZeroDivisionError), interruption.held():
        interruption.handle(signal.SIGINT, None)
        raise ZeroDivisionError
