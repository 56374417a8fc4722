"""The text rules of the legacy tables in plain Python, to verify the SQL functions.

Written from the consumer's specification alone, and with a different method than the SQL (a scanner instead of regular
expressions), so that the two don't share a mistake. reference.py builds the rows.
"""

from __future__ import annotations

import html
import math
import re
from decimal import Decimal, InvalidOperation

BLOCK_TAGS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "table", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"blockquote", "pre", "section", "article", "header", "footer"}
)
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS = frozenset("0123456789")
COMMENT_START, COMMENT_END = "<!--", "-->"


def storable(text: str) -> str:
    """``text`` without NUL and lone surrogates, which Postgres can't store."""
    return re.sub("[\x00\ud800-\udfff]", "", text)


def tidy(text: object) -> str | None:
    """Trim white space and fold it to single spaces; None if nothing is left or the value isn't text."""
    return " ".join(storable(text).split()) or None if isinstance(text, str) else None


def plain_text(text: object) -> str | None:
    """Remove tags, decode entities once, tidy."""
    if not isinstance(text, str):
        return None
    return tidy(html.unescape(without_tags(storable(text))))


def without_tags(text: str) -> str:
    """Block tags become a space, other tags and comments nothing; a ``<`` that starts neither is text."""
    kept: list[str] = []
    position = 0
    while position < len(text):
        end = None
        if text[position] == "<":
            end = _comment_end(text, position) or _tag_end(text, position)
        if end is None:
            kept.append(text[position])
            position += 1
        else:
            kept.append(" " if _tag_name(text, position) in BLOCK_TAGS else "")
            position = end
    return "".join(kept)


def _comment_end(text: str, start: int) -> int | None:
    if not text.startswith(COMMENT_START, start):
        return None
    end = text.find(COMMENT_END, start + len(COMMENT_START))
    return None if end < 0 else end + len(COMMENT_END)


def _tag_end(text: str, start: int) -> int | None:
    """Where the tag at ``start`` ends; None if it isn't a tag or never ends (then its words are kept)."""
    name = start + 2 if text.startswith("</", start) else start + 1
    if name >= len(text) or text[name] not in LETTERS:
        return None
    position = name
    after_equals = False
    while position < len(text):
        character = text[position]
        if character == ">":
            return position + 1
        if after_equals and character in "\"'":
            closing = text.find(character, position + 1)
            if closing < 0:
                break
            position, after_equals = closing + 1, False
            continue
        after_equals = character == "=" or (after_equals and character.isspace())
        position += 1
    first = text.find(">", name)
    return None if first < 0 else first + 1


def _tag_name(text: str, start: int) -> str:
    name = start + 2 if text.startswith("</", start) else start + 1
    end = name
    while end < len(text) and text[end] not in "/>" and not text[end].isspace():
        end += 1
    return "".join(c.lower() if c in LETTERS else c for c in text[name:end])


def format_phone(value: object) -> str | None:
    """``(512) 555-0100`` for a clear ten-digit number, other values tidied; None for an empty value."""
    tidied = tidy(value)
    if tidied is None:
        return None
    digits = "".join(c for c in tidied if c in DIGITS)
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    elif len(digits) == 11:
        return tidied
    if len(digits) != 10 or not all(c in DIGITS or c in " ().+/-" for c in tidied):
        return tidied
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def amount(value: object) -> float | None:
    """An amount, from text or a number, as the consumer's double; None if it isn't a number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(Decimal(str(value).strip()))
    except InvalidOperation:
        return None
    return number if math.isfinite(number) else None
