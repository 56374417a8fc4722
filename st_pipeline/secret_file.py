"""Reads a secret from a text file as editors leave it, or says what is wrong with the file without repeating it."""

from __future__ import annotations

import codecs
from pathlib import Path

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CURLY = "“”‘’"


class SecretFileError(Exception):
    """The file is unusable; the message says why and what to do, but not which file."""


def read(file: Path) -> str:
    """The text, without the byte order mark that Windows adds and without surrounding white space.

    Raises:
        SecretFileError: it cannot be read, or is not text in UTF-8.
    """
    try:
        content = file.read_bytes()
        if content.startswith(_UTF_16) or b"\0" in content:
            raise SecretFileError("not a text file in UTF-8; save it as UTF-8 without a byte order mark")
        return content.decode("utf-8-sig").strip()
    except OSError as error:
        reason = error.strerror or "not readable"
    except UnicodeDecodeError:
        reason = "not a text file in UTF-8; save it as UTF-8"
    # Raised out here: a decoding error contains what it read.
    raise SecretFileError(reason)


def find_fault(text: str, *, is_list: bool) -> str | None:
    """What is wrong with a secret, or None. ``is_list``: it may have several lines."""
    if any(mark in text for mark in _CURLY):
        return "it contains curly quotes; remove them"
    if not is_list and len(lines := text.split("\n")) > 1:
        return f"it has {len(lines)} lines; keep the one with the value"
    return None
