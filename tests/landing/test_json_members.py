"""An object's members keep their exact text; anything else gives a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from st_pipeline.landing.json_members import NotAnObject, is_json, is_object, parse_members
from st_pipeline.landing.values import without_unstorable

from .json_texts import json_texts


def texts(found: dict[str, Raw]) -> dict[str, str]:
    return {name: bytes(raw).decode() for name, raw in found.items()}


@given(json_texts(), st.sampled_from(["", " ", "\n\t"]))
def test_an_object_gives_its_members_and_nothing_else_is_an_object(raw: str, blank: str) -> None:
    raw = without_unstorable(raw.encode()).decode()
    record = f"{blank}{raw}{blank}".encode()
    if not raw.startswith("{"):
        with pytest.raises(NotAnObject, match="not a JSON object"):
            parse_members(record)
        return
    expected: dict[str, Any] = json.loads(raw, parse_int=str, parse_float=str)
    assert {
        n: json.loads(t, parse_int=str, parse_float=str) for n, t in texts(parse_members(record)).items()
    } == expected


@given(st.dictionaries(st.text(max_size=4), json_texts(), max_size=5), st.sampled_from(["", " ", "\r\n"]))
def test_both_parsers_give_the_same_texts(values: dict[str, str], blank: str) -> None:
    values = {n: without_unstorable(t.encode()).decode() for n, t in values.items() if n != "odd"}
    inside = f",{blank}".join(f"{json.dumps(n)}{blank}:{blank}{t}{blank}" for n, t in values.items())
    strict, lax = f"{{{blank}{inside}}}", f'{{{blank}{inside}{"," if values else ""} "odd" : NaN }}'
    assert texts(parse_members(strict.encode())) == values
    assert texts(parse_members(lax.encode())) == values | {"odd": "NaN"}


def test_the_last_of_two_members_with_one_name_counts_in_both_parsers() -> None:
    assert texts(parse_members(b'{"a":1,"a":2}')) == {"a": "2"}
    assert texts(parse_members(b'{"a":NaN,"a":2}')) == {"a": "2"}


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1',
        b'{"a":1}x',
        b'{"a"}',
        b'{"a":NaN',
        b'{"a":NaN}}',
        b"NaN",
        b'[{"a":NaN}]',
        b'{"a":1,}',
        b'{"a":"\x00"}',
        b"{'a':1}",
    ],
)
def test_text_that_is_truncated_or_not_an_object_is_rejected(record: bytes) -> None:
    with pytest.raises(NotAnObject, match="not a JSON object"):
        parse_members(record)


def test_an_object_nested_too_deeply_is_rejected_with_a_reason() -> None:
    for inside in (b"[" * 100_000 + b"]" * 100_000, b"[NaN," * 100_000 + b"1" + b"]" * 100_000):
        with pytest.raises(NotAnObject, match="nested too deeply"):
            parse_members(b'{"a":' + inside + b"}")
        assert not is_json(Raw(inside))


def test_objects_and_strict_json_are_told_apart_from_the_rest() -> None:
    assert [is_object(Raw(t)) for t in (b"{}", b"[]", b"null", b'"{"')] == [True, False, False, False]
    assert [is_json(Raw(t)) for t in (b'{"a":1}', b'{"a":NaN}', b"Infinity", b"1e999999")] == [True, False, False, True]
