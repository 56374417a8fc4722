"""Stops commands that run until someone stops them: Ctrl-C and a plain kill both shut down cleanly."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer


class Interruption:
    """What a signal does: the first one ends the block, and another one only makes stopping faster.

    A signal never cuts short what stops other processes, which would then keep running without anyone to stop them.
    """

    def __init__(self) -> None:
        self.is_urgent = False
        """Someone pressed Ctrl-C again while things were being stopped."""
        self._is_stopping = False
        self._is_held = False
        self._is_pending = False

    def begin_stopping(self) -> None:
        """From now on, signals interrupt nothing."""
        self._is_stopping = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do the block as a whole; a signal takes effect after it."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_pending:
            self._interrupt()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler for SIGINT and SIGTERM."""
        if self._is_stopping:
            self.is_urgent = True
        elif self._is_held:
            self._is_pending = True
        else:
            self._interrupt()

    def _interrupt(self) -> None:
        self.begin_stopping()
        raise KeyboardInterrupt


@contextmanager
def until_interrupted() -> Iterator[Interruption]:
    """Ctrl-C and a plain kill both end the block cleanly, even if the shell ignores SIGINT.

    After the block, signals do nothing: the last process that uses the embedded server stops it when it exits.
    """
    interruption = Interruption()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interruption.handle)
    try:
        yield interruption
    except KeyboardInterrupt:
        typer.echo("Stopped.")
    finally:
        interruption.begin_stopping()
