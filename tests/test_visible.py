"""visible.py: text that moves or hides is shown, and ordinary text of any language stays as it is."""

from __future__ import annotations

import json
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.visible import unlinked, visible, visible_json, visible_lines

UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
ANY = st.text(st.one_of(st.characters(), st.sampled_from("\x1b\x9b\r\n\t\u202e\u2066\u200b\u200d\ufe0f\ud800\u2028a")))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b2Jcleared\x7f\x85", r"\x9b2Jcleared\x7f\x85"),
        ("one\r\n\ttwo", r"one\x0d\x0a\x09two"),
        ("abc\u202edef\u2066\u200f", "abc<U+202E>def<U+2066><U+200F>"),
        ("pay\u200bpal\u200d\ufeff\u00ad", "pay<U+200B>pal<U+200D><U+FEFF><U+00AD>"),
        ("a\u2028b\u2029", "a<U+2028>b<U+2029>"),
        ("lone \ud83d half", "lone <U+D83D> half"),
        ("hidden\U000e0041\U000e0042", "hidden<U+E0041><U+E0042>"),
        ("a\ufe0f\ufe0f", "a<U+FE0F><U+FE0F>"),
        ("\u200d\U0001f469\u200d", "<U+200D>\U0001f469<U+200D>"),
    ],
)
def test_what_moves_or_hides_text_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Müller & Söhne – 100 % “quoted” 日本語 한국어 中文",
        "שלום עולם مرحبا بالعالم",
        "می\u200cخواهم",  # Persian, with a non-joiner
        "क्\u200dष श्री",  # Hindi, with a joiner
        "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 👍🏽 1\ufe0f\u20e3 🏳\ufe0f\u200d🌈",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "[red]not markup[/red] :smile: é e\u0301",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == visible_lines(text) == visible_json(text) == text


def test_lines_and_tabs_stay_where_text_has_several() -> None:
    assert visible_lines("one\n\ttwo\r\x1b") == "one\n\ttwo\\x0d\\x1b"


@given(ANY)
def test_nothing_unseen_is_left_and_showing_twice_changes_nothing(text: str) -> None:
    shown = visible(text)
    assert not UNSEEN.search(shown)
    shown.encode()
    assert visible(shown) == shown


@given(ANY)
def test_json_keeps_its_values(text: str) -> None:
    document = json.dumps({"name": text}, ensure_ascii=False, indent=2)
    shown = visible_json(document)
    assert json.loads(shown) == json.loads(json.dumps({"name": text}))
    assert not UNSEEN.search(shown.replace("\n", ""))
    shown.encode()


def test_every_format_character_is_shown_unless_it_is_a_sign_that_is_drawn() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    formats = [one for one in every if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    left = [unicodedata.name(one) for one in formats if visible(one) == one]
    assert all(name.startswith(("ARABIC", "SYRIAC")) for name in left)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> <@U123> <https://evil.test|here>", "‹!channel› ‹＠U123› ‹https: //evil.test|here›"),
        ("@here x@everyone ann@example.com 3 @ 5", "＠here x＠everyone ann@example.com 3 @ 5"),
        ("[click](http://evil.test) ||spoiler||", "[click] (http: //evil.test) | |spoiler| |"),
        ("plain: 1,004 records; field_name *all*", "plain: 1,004 records; field_name *all*"),
    ],
)
def test_a_chat_finds_no_mention_or_link(text: str, shown: str) -> None:
    assert unlinked(text) == shown
