"""Reads what must stay hidden on the command line: from a file, standard input, or a hidden prompt."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from st_pipeline.cli.errors import CommandRefused
from st_pipeline.secret import Secret

STANDARD_INPUT = "-"
LARGEST = 10_000_000


def text_from(file: str) -> Secret:
    """The text of a file, or of standard input for ``-``, without the byte order mark that Windows adds.

    Raises:
        CommandRefused: the text cannot be read.
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
    # Raised out here: a decoding error contains what it read.
    raise CommandRefused(f"cannot read {'standard input' if file == STANDARD_INPUT else file}: {problem}")


def secret_from(file: str) -> Secret:
    """The one secret in a file or standard input (``-``), without surrounding white space. Raises CommandRefused."""
    secret = Secret(text_from(file).reveal().strip())
    if not secret:
        raise CommandRefused(
            f"{'standard input' if file == STANDARD_INPUT else file} is empty; it must contain the secret"
        )
    return secret


def ask(question: str, option: str) -> Secret:
    """Prompt for a secret without showing it. ``option`` is the alternative without a terminal.

    Raises:
        CommandRefused: standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise CommandRefused(
            f"cannot prompt for the {question.lower()} without a terminal; use {option} FILE, or {option} - to read it "
            "from standard input"
        )
    return Secret(typer.prompt(question, hide_input=True, err=True))


def refuse_two_readers(*files: str | None) -> None:
    """Standard input can be read only once. Raises CommandRefused if two files are ``-``."""
    if files.count(STANDARD_INPUT) > 1:
        raise CommandRefused("only one option can read standard input (-); put the other secret in a file")
