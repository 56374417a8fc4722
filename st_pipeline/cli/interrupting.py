"""Stops commands that run until someone stops them: Ctrl-C and a plain kill both shut down cleanly."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Ctrl-C and a plain kill both end the block cleanly, even if the shell ignores SIGINT."""

    def stop(signal_number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopped.")
