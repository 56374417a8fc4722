from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.servicetitan.pages import MOST_RECORDS, NotAPage, parse_page

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
# Text in which the standard library escapes lone surrogates, which the fast parser rejects.
ODD_TEXT = st.text(st.characters(codec=None), max_size=10)


def envelope(records: list[bytes], tail: bytes = b',"hasMore":false') -> bytes:
    return b'{"continueFrom":"t", "data" : [' + b" ,\n".join(records) + b"]" + tail + b"}"


@given(st.lists(VALUES, max_size=8), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_record_comes_out_as_the_bytes_it_came_in(values: list[Any], indent: Any, ascii_only: bool) -> None:
    sent = [json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace") for value in values]
    page = parse_page(envelope(sent))
    assert [bytes(record) for record in page.records] == sent


@given(st.lists(st.dictionaries(ODD_TEXT, ODD_TEXT, max_size=3), max_size=5), st.booleans())
@settings(max_examples=200)
def test_lone_surrogates_in_a_record_do_not_lose_the_page(values: list[dict[str, str]], bare: bool) -> None:
    sent = [json.dumps(value).encode() for value in values]
    page = parse_page(b"[" + b", ".join(sent) + b"]" if bare else envelope(sent, b',"hasMore":true,"totalCount":7'))
    assert [bytes(record) for record in page.records] == sent
    if not bare:
        assert (page.has_more, page.continue_from, page.total_count) == (True, "t", 7)


def test_amounts_keep_every_digit_and_strings_their_escapes() -> None:
    records = [b'{"a":1.0000000000000000000}', b'{"b":"\\u00e9\\/"}', b"  12345678901234567890  ", b"1e400"]
    assert [bytes(r).strip() for r in parse_page(envelope(records)).records] == [r.strip() for r in records]


def test_records_of_any_kind_are_returned() -> None:
    page = parse_page(b'{"data":[{}, [1], "x", 5, null, true],"hasMore":false,"totalCount":6,"page":1}')
    assert [bytes(record) for record in page.records] == [b"{}", b"[1]", b'"x"', b"5", b"null", b"true"]
    assert page.total_count == 6


def test_an_export_envelope_carries_its_token_and_size() -> None:
    body = b'{"hasMore":true,"continueFrom":"a+b/c==","data":[1]}'
    page = parse_page(body)
    assert (page.has_more, page.continue_from, page.total_count, page.size) == (True, "a+b/c==", None, len(body))


@pytest.mark.parametrize(
    ("body", "has_more"),
    [
        (b'{"data":[1,2],"continueFrom":"t"}', True),
        (b'{"data":[],"continueFrom":"t"}', False),
        (b'{"data":[1],"continueFrom":""}', False),
        (b'{"data":[1,2]}', False),
        (b'{"data":[1,2],"pageSize":2}', True),
        (b'{"data":[1],"pageSize":2}', False),
        (b'{"data":[1,2],"hasMore":null,"pageSize":2}', True),
        (b'{"data":[1,2],"hasMore":"false","pageSize":2}', False),
        (b'{"data":[1],"hasMore":"true","pageSize":2}', True),
        (b'{"data":null,"hasMore":false}', False),
    ],
)
def test_without_has_more_the_rest_of_the_response_decides(body: bytes, has_more: bool) -> None:
    assert parse_page(body).has_more is has_more


def test_a_full_page_has_more_if_nothing_else_says() -> None:
    assert parse_page(b'{"data":[1,2]}', page_size=2).has_more
    assert not parse_page(b'{"data":[1,2]}', page_size=3).has_more


def test_a_bare_array_is_one_page() -> None:
    page = parse_page(b' [{"a":1},\n{"a":2}] ')
    assert ([bytes(r) for r in page.records], page.has_more) == ([b'{"a":1}', b'{"a":2}'], False)
    assert parse_page(b"[]").records == []


def test_a_byte_order_mark_does_no_harm() -> None:
    assert [bytes(r) for r in parse_page(b'\xef\xbb\xbf{"data":["\xc3\xa9"]}').records] == [b'"\xc3\xa9"']


def test_a_nan_loses_no_other_record() -> None:
    assert [bytes(r) for r in parse_page(b'{"data":[{"a":NaN},{"data":[0]}]}').records] == [
        b'{"a":NaN}',
        b'{"data":[0]}',
    ]


def test_only_the_outermost_data_counts() -> None:
    body = b'{"x":{"data":[1]},"data":["\\ud800"],"y":[{"data":[2]}]}'
    assert [bytes(r) for r in parse_page(body).records] == [b'"\\ud800"']


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>Bad gateway</html>",
        b"{}",
        b"null",
        b"5",
        b'{"data":{}}',
        b'{"hasMore":false}',
        b'{"data":[01]}',
        b'{"data":[1],}',
        b'{"data":[1]} x',
        b'{"data":["\xff"]}',
        b'{"data":["canary\xc3',
        b'{"data":[' + b"[" * 5000 + b"]" * 5000 + b"]}",
    ],
)
def test_a_body_that_is_not_a_page_is_rejected_without_being_quoted(body: bytes) -> None:
    with pytest.raises(NotAPage) as caught:
        parse_page(body)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


LONG = b"9" * 5000


@pytest.mark.parametrize("number", [LONG, b"-" + LONG, b"1e999999", b"1" + b"0" * 300, b"NaN", b"-1"])
@pytest.mark.parametrize("member", [b"totalCount", b"pageSize", b"unknown"])
def test_a_huge_number_beside_the_records_counts_as_missing(member: bytes, number: bytes) -> None:
    page = parse_page(b'{"data":[1,2],"%s":%s,"hasMore":true}' % (member, number))
    assert (len(page.records), page.has_more, page.total_count) == (2, True, None)


def test_a_huge_number_in_a_record_loses_nothing_even_beside_a_nan() -> None:
    records = [b'{"a":%s}' % LONG, b"NaN", b"1e999999"]
    assert [bytes(record) for record in parse_page(envelope(records)).records] == records


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data":[' + b"1," * MOST_RECORDS + b"1]}", "has 100,001 records, and the limit is 100,000"),
        (b'{"data":[],"x":[' + b"[]," * 3_000_000 + b"1]}", "about 6,000,004 values, and the limit is 4,000,000"),
        (b'{"data":[],"x":' + b"[" * 5_000_000, "about 5,000,003 values, and the limit is 4,000,000"),
        (b'{"data":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"data":[],"continueFrom":"%s"}' % (b"x" * 9000), "9,000 characters, and the limit is 8,192"),
        (b'{"data":[],"continueFrom":"\\u0000"}', "cannot be stored"),
        (b'{"data":[],"continueFrom":"\\ud800"}', "cannot be stored"),
    ],
    ids=["records", "values", "brackets", "nesting", "token", "zero in the token", "surrogate in the token"],
)
def test_a_page_above_a_limit_names_the_limit_and_what_came(body: bytes, said: str) -> None:
    with pytest.raises(NotAPage, match=said):
        parse_page(body)


@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_a_truncated_page_is_rejected(values: list[Any], data: st.DataObject) -> None:
    body = envelope([json.dumps(value).encode() for value in values])
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(NotAPage):
        parse_page(body[:cut])
