"""What people enter on the command line and nobody else should see: from a file, standard input, or a hidden prompt."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from st_pipeline.cli.errors import CommandRefused
from st_pipeline.secret import Secret

STANDARD_INPUT = "-"
LARGEST = 10_000_000


def text_from(file: str) -> Secret:
    """The text of a file, or of standard input for ``-``; without a byte order mark, which Windows puts there.

    Raises:
        CommandRefused: it cannot be read as text.
    """
    try:
        if file == STANDARD_INPUT:
            text = sys.stdin.read(LARGEST)
        else:
            with Path(file).expanduser().open(encoding="utf-8") as stream:
                text = stream.read(LARGEST)
    except OSError as error:
        problem = error.strerror or "not readable"
    except UnicodeDecodeError:
        problem = "not a text file in UTF-8"
    else:
        return Secret(text.removeprefix("\ufeff"))
    # Raised out here: a decoding error carries what it read.
    raise CommandRefused(f"cannot read {'standard input' if file == STANDARD_INPUT else file}: {problem}")


def secret_from(file: str) -> Secret:
    """The one secret in a file or standard input (``-``), without surrounding white space. Raises CommandRefused."""
    secret = Secret(text_from(file).reveal().strip())
    if not secret:
        raise CommandRefused(
            f"{'standard input' if file == STANDARD_INPUT else file} is empty; expected a secret in it"
        )
    return secret


def ask(question: str, option: str) -> Secret:
    """A secret typed without being shown. ``option`` is what to use where nobody can type.

    Raises:
        CommandRefused: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise CommandRefused(
            f"no terminal to ask for the {question.lower()} on; give it with {option} FILE, or {option} -"
        )
    return Secret(typer.prompt(question, hide_input=True, err=True))


def refuse_two_readers(*files: str | None) -> None:
    """Standard input can be read once. Raises CommandRefused when two files are ``-``."""
    if files.count(STANDARD_INPUT) > 1:
        raise CommandRefused("standard input can be read once: give one of the two as a file")
