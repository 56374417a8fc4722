r"""Make text from outside safe to show: what a reader cannot see gets a form that they can. Pure.

A terminal obeys escape sequences, and bidirectional and zero-width characters reorder or hide text. They become
``\x1b`` or ``<U+202E>``. Facts are stored as they came; this is for the edges that show them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# Unicode's default-ignorable code points that are letters or marks: fillers and selectors, which take no space.
_IGNORABLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff"
_SUSPECT = re.compile(f"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
                      f"\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
                      f"\U0001d173-\U0001d17a{_IGNORABLE}]")  # fmt: skip
# The flags of England, Scotland and Wales are spelled with tags.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{4,6}\U000e007f")
_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe0e\ufe0f"
_FIRST_JOINING = "\u0590"
"""Below are Latin, Greek and Cyrillic, whose letters never join."""


def visible(text: str) -> str:
    """The text on one line, with every character that moves or hides text shown instead."""
    return _replace(text, "", _form)


def visible_lines(text: str) -> str:
    """Like visible, for text of several lines: line feeds and tabs stay."""
    return _replace(text, "\n\t", _form)


def visible_json(text: str) -> str:
    r"""A JSON document with the same values, in which such characters are ``\u`` escapes."""
    return _replace(text, "\n", _json_form)


def unlinked(text: str) -> str:
    """Visible text in which a chat service finds no mention, link, image or hidden part."""
    text = visible(text).replace("<", "‹").replace(">", "›").replace("](", "] (").replace("||", "| |")
    text = re.sub(r"(?<=\w)://", ": //", text)
    # An e-mail address keeps its sign. Some services notify everyone even in the middle of a word.
    return re.sub(r"(?<![\w.+-])@(?=\S)|@(?=(?:everyone|here|channel|all)\b)", "＠", text, flags=re.IGNORECASE)


def _replace(text: str, kept: str, form: Callable[[str], str]) -> str:
    if not _SUSPECT.search(text):
        return text
    shown: list[str] = []
    end = 0
    for flag in _FLAG.finditer(text):
        shown += (_each(text, at, kept, form) for at in range(end, flag.start()))
        shown.append(flag[0])
        end = flag.end()
    shown += (_each(text, at, kept, form) for at in range(end, len(text)))
    return "".join(shown)


def _each(text: str, at: int, kept: str, form: Callable[[str], str]) -> str:
    character = text[at]
    if character in kept or not _SUSPECT.match(character):
        return character
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if character in _JOINERS and _can_join(before) and _can_join(after):
        return character
    if character in _SELECTORS and before and unicodedata.category(before)[0] in "NPS":
        return character
    return form(character)


def _can_join(neighbor: str) -> bool:
    """Whether a joiner beside it changes how it is drawn, as in emoji and in Arabic and Indic scripts."""
    if neighbor < _FIRST_JOINING:
        return False
    return neighbor in _SELECTORS or (unicodedata.category(neighbor)[0] in "LMS" and not _SUSPECT.match(neighbor))


def _form(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0xA0 else f"<U+{code:04X}>"


def _json_form(character: str) -> str:
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
