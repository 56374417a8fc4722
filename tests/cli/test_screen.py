"""cli/screen.py: text from outside, printed and in tables, as a person sees it."""

from __future__ import annotations

import pytest
from rich.table import Table

from st_pipeline.cli.screen import Screen, echo

HOSTILE = "[red]x[/red] :smile: \x1b[2J\u202eabc\r"
SHOWN = r"[red]x[/red] :smile: \x1b[2J<U+202E>abc\x0d"


def test_printed_text_has_no_markup_and_no_controls(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(width=100).print(HOSTILE)
    Screen(width=100, stderr=True).print(HOSTILE, style="red")
    said = capsys.readouterr()
    assert said.out.rstrip() == said.err.rstrip() == SHOWN


def test_a_table_is_as_wide_as_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    Screen(width=100).print(table)
    lines = capsys.readouterr().out.splitlines()
    assert sum(SHOWN in line for line in lines) == 3
    assert len({len(line) for line in lines[1:]}) == 1


def test_echoed_lines_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    echo("one\n\x1b]0;title\x07")
    echo("\u200btwo", err=True)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("one\n\\x1b]0;title\\x07\n", "<U+200B>two\n")
