"""The console of every command: text from outside is shown as it is, without markup and without control characters."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from st_pipeline.visible import visible_lines


class Screen(Console):
    """A console that reads no markup or emoji codes in text, and makes what would move or hide text visible.

    Style own words with ``style=``. Never wrap text from outside in a ``Text``: it would be shown unchanged.
    """

    def __init__(self, *, width: int | None = None, stderr: bool = False) -> None:
        """``width``: for a pipe or a log, which have none."""
        super().__init__(highlight=False, markup=False, emoji=False, stderr=stderr)
        if width and not self.is_terminal:
            self.width = width

    def render_str(self, text: str, **options: Any) -> Text:
        """Rich calls it for each string that it prints or measures, also in the cells of a table."""
        return super().render_str(visible_lines(text), **options)


def echo(text: str, *, err: bool = False) -> None:
    """Write lines that may contain text from outside."""
    typer.echo(visible_lines(text), err=err)
