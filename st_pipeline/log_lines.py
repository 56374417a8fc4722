"""How log lines are written where nothing else decides it: with everything in them visible.

Dagster and uvicorn have handlers of their own for their own loggers.
"""

from __future__ import annotations

import logging

from st_pipeline.visible import visible_lines


class VisibleFormatter(logging.Formatter):
    """Messages and tracebacks in which no character moves or hides text."""

    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record))


def make_visible() -> None:
    """From now on, this process writes visible log lines to standard error."""
    if logging.lastResort:
        logging.lastResort.setFormatter(VisibleFormatter())
