"""Columns equal the result of the typing rules value by value, whichever way they were built."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import MsgspecError, Raw, json

from st_pipeline.landing.columns import ARROW_TYPES, column, versions
from st_pipeline.landing.values import Untypable, convert, decode, to_instant, without_unstorable
from st_pipeline.servicetitan.catalogue.model import FieldType

from .json_texts import json_texts

AS_TEXT = (FieldType.NUMERIC, FieldType.JSONB)
DECODED: dict[FieldType, Any] = {
    FieldType.BIGINT: int | None,
    FieldType.TEXT: str | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.TIMESTAMPTZ: str | None,
    FieldType.DATE: str | None,
}


def decoded(type_: FieldType, raw: str) -> Any:
    """What a record type passes to ``column`` for a value; MsgspecError for one that it would repair first."""
    text = without_unstorable(raw.encode())
    return json.decode(text, type=Raw) if type_ in AS_TEXT else json.decode(text, type=DECODED[type_])


def by_the_rules(type_: FieldType, raws: list[str]) -> tuple[list[Any], list[tuple[int, str]]]:
    values, problems = [], []
    for row, raw in enumerate(raws):
        raw = without_unstorable(raw.encode()).decode()
        try:
            values.append(
                None if raw == "null" else convert(type_, None if type_ is FieldType.JSONB else decode(raw), raw)
            )
        except Untypable as problem:
            values.append(None)
            problems.append((row, str(problem)))
    return values, problems


@given(st.data(), st.sampled_from(FieldType))
def test_a_column_and_its_problems_match_the_rules_for_any_values(data: st.DataObject, type_: FieldType) -> None:
    def fits(raw: str) -> bool:
        try:
            value = decoded(type_, raw)
        except MsgspecError:
            return False
        return not isinstance(value, int) or -(2**63) <= value < 2**63

    raws = data.draw(st.lists(json_texts().filter(fits), max_size=5))
    array, problems = column(type_, [decoded(type_, raw) for raw in raws])
    assert array.type == ARROW_TYPES[type_]
    assert (array.to_pylist(), problems) == by_the_rules(type_, raws)


NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1).map(lambda units: f"{Decimal(f'{units}E-19'):f}") | st.integers(
    -(10**19) + 1, 10**19 - 1
).map(str)


@given(st.lists(st.builds(lambda n, quoted: f'"{n}"' if quoted else n, NUMBERS, st.booleans()) | st.just("null")))
def test_amounts_in_the_usual_form_are_exact_to_the_nineteenth_decimal(raws: list[str]) -> None:
    array, problems = column(FieldType.NUMERIC, [Raw(raw.encode()) for raw in raws])
    assert problems == []
    assert array.to_pylist() == [None if raw == "null" else Decimal(raw.strip('"')) for raw in raws]


INSTANTS = st.builds(
    lambda d, f: f"{d.isoformat(timespec='seconds')}{f}Z",
    st.datetimes(),
    st.just("") | st.text("0123456789", min_size=1, max_size=9).map(lambda digits: f".{digits}"),
)


@given(st.lists(INSTANTS | st.none()))
def test_instants_and_versions_in_the_usual_form_match_the_rules(texts: list[str | None]) -> None:
    array, problems = column(FieldType.TIMESTAMPTZ, texts)
    assert problems == []
    assert array.to_pylist() == [text and to_instant(text)[0] for text in texts]
    assert versions(texts).to_pylist() == [text and to_instant(text)[1] for text in texts]


@given(
    st.lists(
        st.none()
        | INSTANTS
        | st.text(max_size=3)
        | st.sampled_from(["2024-13-01T00:00:00Z", "2024-05-01", "2024-05-01T10:00:00.1234567-06:00"])
    )
)
def test_versions_match_the_rules_and_are_null_without_an_instant(texts: list[str | None]) -> None:
    expected = []
    for text in texts:
        try:
            expected.append(text and to_instant(text)[1])
        except Untypable:
            expected.append(None)
    assert versions(texts).to_pylist() == [None if e == "" else e for e in expected]


def test_a_difference_of_100_ns_orders_versions_that_share_their_microsecond() -> None:
    assert versions(
        ["2024-05-01T10:00:00.1234561Z", "2024-05-01T10:00:00.1234569Z", "2024-05-01T10:00:00.123457Z"]
    ).to_pylist() == [start := to_instant("2024-05-01T10:00:00.1234561Z")[1], start + 8, start + 9]


def test_one_impossible_date_loses_only_that_value() -> None:
    texts = [
        "2024-05-01T10:00:00Z",
        "2024-13-01T10:00:00Z",
        None,
        "2023-02-29T10:00:00.1234567Z",
        "0001-01-01T00:00:00Z",
    ]
    array, problems = column(FieldType.TIMESTAMPTZ, texts)
    assert array.to_pylist() == [datetime(2024, 5, 1, 10, tzinfo=UTC), None, None, None, datetime(1, 1, 1, tzinfo=UTC)]
    assert [row for row, _ in problems] == [1, 3]
    assert versions(texts).is_valid().to_pylist() == [True, False, False, False, True]
    assert versions(texts)[4].as_py() == 0


def test_dates_are_taken_from_dates_and_instants_alike() -> None:
    array, problems = column(FieldType.DATE, ["2024-05-01", "2024-05-01T23:00:00-06:00", None, "May"])
    assert array.to_pylist() == [date(2024, 5, 1), date(2024, 5, 1), None, None]
    assert problems == [(3, "not a date")]


def test_json_keeps_its_text_and_null_is_not_a_value() -> None:
    texts = ['[{"a" :1.50}]', "null", '"null"', "7"]
    array, problems = column(FieldType.JSONB, [Raw(text.encode()) for text in texts])
    assert (array.to_pylist(), problems) == (['[{"a" :1.50}]', None, '"null"', "7"], [])


@pytest.mark.parametrize("type_", FieldType)
def test_a_column_of_nulls_and_an_empty_one_have_their_type(type_: FieldType) -> None:
    null = Raw(b"null") if type_ in AS_TEXT else None
    for count in (0, 3):
        array, problems = column(type_, [null] * count)
        assert array.equals(pa.array([None] * count, ARROW_TYPES[type_]))
        assert problems == []
