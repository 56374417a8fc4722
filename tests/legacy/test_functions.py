"""The SQL functions against Python's own, value by value."""

from __future__ import annotations

import html
import json
import math
import re
from decimal import Decimal
from html.entities import html5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import reference_text
from .conftest import PROJECT, Dbt
from .records import CHARACTER_REFERENCES, PHONES, TAGS, WHITE_SPACE, WORDS

STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
TEXT = st.text(STORABLE, max_size=40)
SPACED = st.lists(st.sampled_from([*WHITE_SPACE, "a", "Ω", "\u200b"]), max_size=12).map("".join)
MARKUP = st.lists(
    st.sampled_from([*TAGS, *CHARACTER_REFERENCES, *WORDS, *WHITE_SPACE, *"<>/=\"'!-&;# apb"]), max_size=14
).map("".join)
REFERENCE = st.lists(
    st.one_of(
        st.sampled_from(["&" + name for name in html5]),
        st.integers(0, 0x120000).map("&#{};".format),
        st.integers(0, 0x120000).map("&#x{:x}".format),
        st.text("&#xX;aAltgmp019 <\t\u00a0", max_size=6),
    ),
    max_size=6,
).map("".join)
PHONE = st.one_of(st.sampled_from(PHONES), st.text("0123456789+-./() \u00a0x", max_size=16))
AMOUNT = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False).map(Decimal),
    st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(Decimal),
)
REPEATEDLY = settings(max_examples=400)


@pytest.fixture(scope="module")
def sql(connection: psycopg.Connection, dbt: Dbt) -> psycopg.Connection:
    dbt("--quiet", "run-operation", "install_functions")
    return connection


def _each(sql: psycopg.Connection, function: str, values: list[str]) -> list[str | None]:
    query = f"select intermediate.{function}(v) from unnest(%s::text[]) with ordinality as u (v, n) order by n"
    return [row[0] for row in sql.execute(query, (values,))]  # pyright: ignore[reportArgumentType]


def _agree(sql: psycopg.Connection, function: str, values: list[str], expected: list[str | None]) -> None:
    for value, got, wanted in zip(values, _each(sql, function, values), expected, strict=True):
        assert got == wanted, f"{function}({value!r})"


@REPEATEDLY
@given(st.lists(st.one_of(TEXT, SPACED), min_size=1, max_size=40))
def test_tidy_folds_what_python_calls_white_space(sql: psycopg.Connection, values: list[str]) -> None:
    _agree(sql, "tidy", values, [" ".join(value.split()) or None for value in values])


def test_tidy_knows_every_white_space_character_and_no_other(sql: psycopg.Connection) -> None:
    characters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code <= 0xDFFF]
    folded = _each(sql, "tidy", [f"a{character}" for character in characters])
    found = {character for character, text in zip(characters, folded, strict=True) if text == "a"}
    assert found == {character for character in characters if character.isspace()}


@REPEATEDLY
@given(st.lists(st.one_of(MARKUP, TEXT), min_size=1, max_size=40))
def test_plain_text_reads_html_as_the_reference_does(sql: psycopg.Connection, values: list[str]) -> None:
    _agree(sql, "plain_text", values, [reference_text.plain_text(value) for value in values])


@REPEATEDLY
@given(st.lists(st.one_of(REFERENCE, TEXT), min_size=1, max_size=40))
def test_entities_are_decoded_as_python_decodes_them(sql: psycopg.Connection, values: list[str]) -> None:
    _agree(sql, "decode_entities", values, [html.unescape(value) for value in values])


def test_every_named_entity_and_every_number_to_65536_is_decoded(sql: psycopg.Connection) -> None:
    values = [f"x&{name}y" for name in html5] + [f"&#{code};&#x{code:X} " for code in range(65_537)]
    _agree(sql, "decode_entities", values, [html.unescape(value) for value in values])


def test_a_number_of_any_length_does_not_fail(sql: psycopg.Connection) -> None:
    values = ["&#" + "9" * 9_000 + ";", "&#x" + "F" * 9_000, "&#" + "0" * 9_000 + "65;"]
    assert _each(sql, "decode_entities", values) == ["\ufffd", "\ufffd", "A"]


def test_the_shipped_entities_are_those_of_html5() -> None:
    macro = (PROJECT / "macros" / "html_entities.sql").read_text("utf-8")
    match = re.search(r"{% raw %}(.*){% endraw %}", macro, re.DOTALL)
    assert match is not None
    assert json.loads(match[1]) == html5


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        ("5 < 7 and 7 > 5", "5 < 7 and 7 > 5"),
        ("<p>Fixed</p><p>it</p>", "Fixed it"),
        ("un<b>believ</b>able", "unbelievable"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("&lt;b&gt;", "<b>"),
        ("one<BR/>two<Br >three", "one two three"),
        ("<paragraph>a</paragraph>b", "ab"),
        ("a<!-- <br> -->b", "ab"),
        ('<a title="a > b">link</a>', "link"),
        ("kept <b never closed", "kept <b never closed"),
        ("kept <!-- never closed", "kept <!-- never closed"),
        ("a&nbsp;\u3000b", "a b"),
        ("<p>&nbsp;</p>", None),
    ],
)
def test_plain_text_and_its_reference_say_what_the_consumer_expects(
    sql: psycopg.Connection, summary: str, text: str | None
) -> None:
    assert _each(sql, "plain_text", [summary]) == [text]
    assert reference_text.plain_text(summary) == text


@REPEATEDLY
@given(st.lists(st.one_of(PHONE, TEXT), min_size=1, max_size=40))
def test_phones_are_formatted_as_the_reference_does(sql: psycopg.Connection, values: list[str]) -> None:
    _agree(sql, "format_phone", values, [reference_text.format_phone(value) for value in values])


@pytest.mark.parametrize(
    ("value", "phone"),
    [
        ("5125550100", "(512) 555-0100"),
        ("+1 (512) 555.0100", "(512) 555-0100"),
        ("2-512-555-0100", "2-512-555-0100"),
        ("512-555-0100 x12", "512-555-0100 x12"),
        (" CALL\u00a0 MOM ", "CALL MOM"),
        ("\u00a0", None),
    ],
)
def test_a_phone_of_ten_digits_is_formatted_and_anything_else_tidied(
    sql: psycopg.Connection, value: str, phone: str | None
) -> None:
    assert _each(sql, "format_phone", [value]) == [phone]
    assert reference_text.format_phone(value) == phone


@REPEATEDLY
@given(st.lists(AMOUNT, min_size=1, max_size=40))
def test_an_amount_becomes_the_nearest_double_or_null_and_never_an_error(
    sql: psycopg.Connection, values: list[Decimal]
) -> None:
    values = [value for value in values if not value.is_finite() or -400 < value.adjusted() < 400]
    query = "select intermediate.to_double(v) from unnest(%s::numeric[]) with ordinality as u (v, n) order by n"
    for value, (got,) in zip(values, sql.execute(query, (values,)), strict=True):
        if not value.is_finite() or abs(value) > Decimal("1e308"):
            assert got is None
        else:
            assert got == (0.0 if abs(value) < Decimal("1e-300") else float(value)), value
            assert math.isfinite(got)


@pytest.mark.parametrize(
    "summary",
    [
        "Replaced capacitor on unit 5. " * 300,
        "<p>Replaced &amp; tested&nbsp;<b>unit</b></p><br/>" * 200,
        "<a title='" * 500,
        "<a b=" * 1000,
        "<!-- -" * 1000,
        "&amp" * 2000,
    ],
)
def test_a_long_summary_becomes_the_same_text_as_in_the_reference(sql: psycopg.Connection, summary: str) -> None:
    """``make bench`` measures how long twenty thousand of them take."""
    _agree(sql, "plain_text", [summary], [reference_text.plain_text(summary)])
