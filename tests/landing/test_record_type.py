"""landing/record_type.py: the decoders of an endpoint, and a record that does not fit them made to fit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from st_pipeline.landing.json_members import NotAnObject, is_json, parse_members
from st_pipeline.landing.record_type import Repaired, record_type, repair, storable, unknown_fields
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import FieldType

from .invoices import FEW, INVOICES, encoded, whole
from .json_texts import json_texts, records

KNOWN = record_type(FEW).members
NAMES = ["id", "modifiedOn", "summary", "total", "customer", "other"]


def repaired(record: Any) -> Repaired:
    return repair(KNOWN, record if isinstance(record, bytes) else encoded(record))


def plain(value: Any) -> Any:
    """An unknown member as Python has it."""
    return {name: plain(one) for name, one in value.items()} if isinstance(value, dict) else json.loads(bytes(value))


@pytest.mark.parametrize("entity", ASSET_ENTITIES)
def test_a_whole_record_of_every_entity_fits_both_decoders(entity: str) -> None:
    kind = record_type(endpoint(entity))
    record = encoded(whole(endpoint(entity)))
    kind.strict.decode(record)
    kind.open.decode(record)
    kind.open.decode(b"{}")
    assert repair(kind.members, record).problems == []


def test_the_types_of_an_endpoint_are_made_once() -> None:
    assert record_type(INVOICES) is record_type(INVOICES)


def test_only_the_strict_decoder_refuses_a_name_that_the_catalogue_does_not_know() -> None:
    kind = record_type(FEW)
    for record in ({"id": 1, "other": 2}, {"id": 1, "customer": {"id": 2, "other": 3}}):
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            kind.strict.decode(encoded(record))
        kind.open.decode(encoded(record))


def test_nested_objects_have_their_fields_together() -> None:
    by_name = {member.name: member for member in KNOWN}
    assert [field.column for field in by_name["customer"].nested] == ["customer__id", "customer__name"]
    assert by_name["customer"].field is None
    summary = by_name["summary"]
    assert summary.field
    assert (summary.field.type, summary.nested) == (FieldType.TEXT, ())


@pytest.mark.parametrize(
    ("record", "unknown"),
    [
        ({"id": 1}, {}),
        ({"id": 1, "a": None, "b": [1]}, {"a": None, "b": [1]}),
        ({"customer": {"id": 1, "a": 2}}, {"customer": {"a": 2}}),
        ({"customer": {"id": 1}}, {}),
        ({"customer": 5}, {}),
        ({"customer": None}, {}),
        ({"summary": {"a": 1}}, {}),
        ({"": 1, "ID": 2}, {"": 1, "ID": 2}),
    ],
)
def test_what_the_catalogue_does_not_know_is_found_with_its_values(record: Any, unknown: Any) -> None:
    assert plain(unknown_fields(KNOWN, encoded(record))) == unknown


@pytest.mark.parametrize("text", [b"", b"1", b"[]", b"null", b'"{}"', b"{", b"{}}", b"[" * 100_000])
def test_what_is_no_object_has_no_fields_and_is_told_as_a_whole(text: bytes) -> None:
    with pytest.raises(NotAnObject):
        unknown_fields(KNOWN, text)
    result = repaired(text)
    assert result.whole
    assert (result.record, result.problems) == (b"{}", [])


def test_unknown_values_that_postgres_cannot_hold_are_named_and_the_rest_is_kept() -> None:
    unstorable: list[str] = []
    bad = {"good": Raw(b"1"), "huge": Raw(b"1e999999"), "nan": Raw(b"NaN"), "in": {"good": Raw(b"2"), "x": Raw(b"NaN")}}
    kept = storable(bad | {"all": {"y": Raw(b"NaN")}}, unstorable)
    assert plain(kept) == {"good": 1, "in": {"good": 2}}
    assert sorted(unstorable) == ["all.y", "huge", "in.x", "nan"]


@given(st.dictionaries(st.text(max_size=4), json_texts(), max_size=5))
def test_everything_unknown_is_either_kept_as_it_came_or_named(members: dict[str, str]) -> None:
    extra = {name: Raw(text.encode("utf-8", "surrogatepass")) for name, text in members.items()}
    unstorable: list[str] = []
    kept = storable(dict(extra), unstorable)
    assert sorted([*kept, *unstorable]) == sorted(extra)
    assert all(kept[name] is extra[name] and is_json(kept[name]) for name in kept)


@pytest.mark.parametrize(
    ("member", "kept", "column"),
    [
        ({"id": "7"}, {"id": 7}, None),
        ({"id": "seven"}, {"id": None}, "id"),
        ({"id": 2**63}, {"id": None}, "id"),
        ({"id": 2**63 - 1}, {"id": 2**63 - 1}, None),
        ({"total": "much"}, {"total": "much"}, None),  # amounts are read with their column
        ({"summary": 5}, {"summary": "5"}, None),
        ({"summary": None}, {}, None),
        ({"customer": {"id": "x", "name": "Ann"}}, {"customer": {"id": None, "name": "Ann"}}, "customer__id"),
        ({"customer": {"name": "Ann"}}, {"customer": {"name": "Ann"}}, None),
        ({"other": 1}, {}, None),
    ],
)
def test_one_value_that_does_not_fit_costs_its_own_field(member: Any, kept: Any, column: str | None) -> None:
    result = repaired(member)
    assert json.loads(result.record) == kept
    assert [problem[0] for problem in result.problems] == ([column] if column else [])


def test_something_else_in_place_of_an_object_costs_all_its_fields_and_no_others() -> None:
    result = repaired({"id": 1, "customer": [1]})
    assert result.problems == [("customer__id", "not an object"), ("customer__name", "not an object")]
    assert json.loads(result.record) == {"id": 1}


def test_an_amount_keeps_its_digits() -> None:
    record = repaired(b'{"id": "x", "total": 12.3400000000000000001}').record
    assert Decimal(bytes(parse_members(record)["total"]).decode()) == Decimal("12.3400000000000000001")


@given(records(NAMES))
def test_whatever_comes_is_made_to_fit_and_made_so_again_is_the_same(text: str) -> None:
    sent = text.encode("utf-8", "surrogatepass")
    result = repaired(sent)
    decoder = record_type(FEW).open
    fitting = decoder.decode(result.record)
    assert set(json.loads(result.record, parse_int=str)) <= set(NAMES) - {"other"}
    assert {column for column, _ in result.problems} <= {field.column for field in FEW.fields}
    again = repaired(result.record)
    assert (again.problems, again.whole) == ([], None)
    assert decoder.decode(again.record) == fitting
