"""JSON texts of every kind for property tests: what an API could send in a field, likely or unlikely."""

from __future__ import annotations

import json

from hypothesis import strategies as st

_NUMBERS = st.one_of(
    st.integers().map(str),
    st.integers(-(2**64), 2**64).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: f"{d:f}" if abs(d.adjusted()) < 60 else f"{d:e}"),
    st.sampled_from(["-0", "0.0", "1e5", "1E+2", "12.50", "1e400", "1e999999", "1e9999999999999999999", "0e99999",
                     "9" * 19, "9" * 20, "9" * 38, "9" * 5000, "0." + "1" * 19, "0." + "5" * 30, "1." + "0" * 25]),
)  # fmt: skip
_DAYS = st.dates().map(str) | st.sampled_from(["2024-13-01", "2023-02-29", "0000-01-01", "0001-01-01", "9999-12-31"])
_TIMES = st.times().map(lambda t: t.isoformat(timespec="seconds")) | st.sampled_from(
    ["24:00:00", "23:59:60", "12:61:00"]
)
_FRACTIONS = st.just("") | st.text("0123456789", min_size=1, max_size=12).map(lambda d: f".{d}")
_ZONES = st.sampled_from(["Z", "Z", "Z", "z", "", "+00:00", "-06:00", "+05:30", "+14:00", "+99:99", " Z"])
_INSTANTS = st.builds(lambda d, t, f, z: f"{d}T{t}{f}{z}", _DAYS, _TIMES, _FRACTIONS, _ZONES) | _DAYS
_WORDS = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(codec=None), max_size=6),  # lone surrogates, which json.dumps escapes
    st.sampled_from(["", " ", "true", "FALSE", "null", "NaN", "Infinity", "abc", "1,5", '"', '""5""', "\\u0000", "\0"]),
    _NUMBERS.filter(lambda n: len(n) < 100),
    _INSTANTS,
)
_SCALARS = st.one_of(
    st.sampled_from(["null", "true", "false"]),
    _NUMBERS,
    st.builds(json.dumps, _WORDS, ensure_ascii=st.just(True)),
)


def _array(items: list[str]) -> str:
    return f"[{','.join(items)}]"


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}: {text}" for name, text in members.items()) + "}"


def json_texts() -> st.SearchStrategy[str]:
    """Any JSON value as text: scalars, often in the forms that matter, and arrays and objects of them."""
    names = st.text(st.characters(codec=None), max_size=5) | st.sampled_from(["id", "name", "value"])
    return st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4).map(_array) | st.dictionaries(names, inner, max_size=4).map(_object),
        max_leaves=6,
    )


def records(names: list[str]) -> st.SearchStrategy[str]:
    """Records with members named ``names`` (or anything else) and any values; sometimes not an object."""
    member = st.sampled_from(names) | st.text(max_size=4)
    objects = st.dictionaries(member, json_texts(), max_size=8).map(_object)
    with_id = st.builds(
        lambda i, rest: f'{{"id": {i},{rest[1:]}' if rest != "{}" else f'{{"id":{i}}}', st.integers(1, 9), objects
    )
    return with_id | objects | json_texts()
