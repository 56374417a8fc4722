"""Records become rows: one each, verbatim next to the typed columns, and a bad record affects only itself."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from st_pipeline.landing.columns import ARROW_TYPES
from st_pipeline.landing.json_members import NotAnObject, is_json, is_object, parse_members
from st_pipeline.landing.typer import NO_ID, fingerprint, table_schema, type_records
from st_pipeline.landing.values import Untypable, convert, decode, without_unstorable
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType

from .invoices import INVOICES, encoded, put, whole
from .json_texts import json_texts, records

NAMES = ["id", "modifiedOn", "total", "customer", "items", "active", "invoiceDate", "syncStatus", "job", "number"]


def row_of(endpoint: Endpoint, record: Any) -> dict[str, Any]:
    (row,) = type_records(endpoint, [record if isinstance(record, bytes) else encoded(record)]).rows.to_pylist()
    return row


def expected(record: str) -> tuple[dict[str, Any], set[str | None]]:
    """By the rules, one value at a time: a record's columns, and the fields with a note."""
    columns: dict[str, Any] = dict.fromkeys(field.column for field in INVOICES.fields)
    noted: set[str | None] = set()
    parsed = decoded_or_none(record)
    if not isinstance(parsed, dict):
        return columns, {None}
    for field in INVOICES.fields:
        value: Any = parsed
        for name in field.path:
            if value is None:
                break
            if not isinstance(value, dict):
                noted.add(field.column)
                value = None
                break
            value = value.get(name)
        if value is None:
            continue
        try:
            if field.type is FieldType.JSONB and not is_json(Raw(value.text.encode())):
                raise Untypable("NaN is no JSON")
            columns[field.column] = convert(field.type, value.value, value.text)
        except Untypable:
            noted.add(field.column)
    return columns, ({None} if columns["id"] is None else noted)


@dataclasses.dataclass
class Leaf:
    value: Any
    text: str


def decoded_or_none(record: str) -> Any:
    """Objects down to the second level as dicts; everything below as Leaf with its text."""
    nested = {field.path[0] for field in INVOICES.fields if len(field.path) == 2}
    try:
        top = parse_members(record.encode())
    except NotAnObject:
        return None

    def leaf(raw: Raw) -> Leaf | None:
        text = bytes(raw).decode()
        try:
            value = decode(text)
        except Untypable:
            value = object()  # of no type at all
        return None if text == "null" else Leaf(value, text)

    return {
        name: {n: leaf(r) for n, r in parse_members(raw).items()} if name in nested and is_object(raw) else leaf(raw)
        for name, raw in top.items()
    }


@given(st.lists(records(NAMES), max_size=4))
@example(['{"id": 1, "total": ' + "9" * 5000 + "}"])
@example(['{"id": 1, "total": 1e9999999999999999999, "items": [1e999999]}'])
@example(['{"id": 1e9999999999999999999}', '{"id": 1e1000000}'])
@example(['{"id": 1, "total": NaN, "customer": {"id": NaN, "name": "Ann"}, "items": [NaN], "other": [NaN]}'])
@example(['{"id": 1, "other": 1e999999, "customer": {"other": 1e999999, "good": 1}}'])
@example(['{"id": 1, "items": ' + "[" * 100_000 + "]" * 100_000 + "}"])
def test_any_values_are_typed_by_the_rules_and_kept_verbatim(sent: list[str]) -> None:
    typed = type_records(INVOICES, [text.encode() for text in sent])
    assert typed.rows.schema.equals(table_schema(INVOICES))
    rows = typed.rows.to_pylist()
    assert [row["_record"] for row in rows] == sent
    for number, (text, row) in enumerate(zip(sent, rows, strict=True)):
        columns, noted = expected(without_unstorable(text.encode()).decode())
        assert {name: row[name] for name in columns} == columns
        notes = [note for note in typed.notes if note.row == number]
        assert {note.field for note in notes} - {"_extra"} == noted
        assert all(note.record == text and note.record_id == row["id"] for note in notes)
        if row["id"] is None:
            assert len(notes) == 1
        if row["_extra"] is not None:
            json.loads(row["_extra"], parse_constant=pytest.fail, parse_int=str, parse_float=str)
    assert typed.quarantined_whole == sum(note.field is None for note in typed.notes)


@pytest.mark.parametrize("entity", ASSET_ENTITIES)
def test_a_record_with_every_field_fills_every_column_of_its_entity(entity: str) -> None:
    one = endpoint(entity)
    row = row_of(one, whole(one))
    values = {
        FieldType.BIGINT: 7, FieldType.TEXT: "text", FieldType.BOOLEAN: True, FieldType.NUMERIC: Decimal("12.5"),
        FieldType.TIMESTAMPTZ: datetime(2024, 5, 1, 10, 0, 0, 123456, UTC), FieldType.JSONB: '[{"a": 1}]',
        FieldType.DATE: datetime(2024, 5, 1).date(),
    }  # fmt: skip
    assert {f.column: row[f.column] for f in one.fields} == {f.column: values[f.type] for f in one.fields} | {"id": 1}
    assert row["_extra"] is None
    assert (row["_version"] is None) == (one.cursor_field is None)


@pytest.mark.parametrize("entity", ASSET_ENTITIES)
@pytest.mark.parametrize("form", ["null", "missing", "nested null"])
def test_a_record_needs_only_an_id(entity: str, form: str) -> None:
    one = endpoint(entity)
    record: dict[str, Any] = {"id": 5}
    for field in one.fields:
        if field.column != "id" and form == "null":
            record[field.path[0]] = None
        elif field.column != "id" and form == "nested null":
            put(record, field, None)
    typed = type_records(one, [encoded(record)])
    assert typed.notes == []
    (row,) = typed.rows.to_pylist()
    assert row == dict.fromkeys(typed.rows.schema.names) | {"id": 5, "_record": encoded(record).decode()}


@pytest.mark.parametrize("field", INVOICES.fields, ids=lambda field: field.column)
def test_one_bad_field_becomes_null_with_a_note_and_the_rest_stays(field: Field) -> None:
    if field.column == "id":
        return  # the key is a different case
    bad: Any = {} if field.type is not FieldType.JSONB else float("nan")
    record = whole(INVOICES)
    good = row_of(INVOICES, record)
    put(record, field, bad)
    text = encoded(record)
    typed = type_records(INVOICES, [whole_text := encoded(whole(INVOICES, 2)), text])
    assert [(n.row, n.record_id, n.field, n.record) for n in typed.notes] == [(1, 1, field.column, text.decode())]
    assert typed.notes[0].reason
    first, second = typed.rows.to_pylist()
    changed = {"_record": text.decode(), field.column: None}
    assert second == good | changed | ({"_version": None} if field.column == "modified_on" else {})
    assert first["_record"] == whole_text.decode() and first[field.column] is not None


@pytest.mark.parametrize(
    "record", ['"oops"', "null", "[1,2]", "7", "NaN", "{}", '{"id":null}', '{"id":"abc"}', '{"id":12.75}', '{"id":{}}',
               '{"id":99999999999999999999}', '{"id":true}', '{"ID":1}', '{"id":"x","total":{},"customer":[]}']
)  # fmt: skip
def test_a_record_without_a_usable_id_has_exactly_one_note(record: str) -> None:
    typed = type_records(INVOICES, [b'{"id":1}', record.encode(), b'{"id":2}'])
    assert [(n.row, n.record_id, n.field, n.record) for n in typed.notes] == [(1, None, None, record)]
    assert typed.notes[0].reason.startswith((NO_ID, "not a JSON object"))
    assert typed.rows.column("id").to_pylist() == [1, None, 2]
    assert typed.quarantined_whole == 1


def test_an_id_may_be_a_string_or_have_a_decimal_point() -> None:
    typed = type_records(INVOICES, [b'{"id":"17"}', b'{"id":18.0}', b'{"id":-9223372036854775808}'])
    assert typed.rows.column("id").to_pylist() == [17, 18, -(2**63)]
    assert typed.notes == []


def test_amounts_are_the_same_from_numbers_and_strings_and_never_a_float() -> None:
    exact = "1234567.1234567890123456789"
    rows = [row_of(INVOICES, f'{{"id":1,"total":{form}}}'.encode()) for form in (exact, f'"{exact}"', f"{exact}e0")]
    assert {row["total"] for row in rows} == {Decimal(exact)}
    assert row_of(INVOICES, b'{"id":1,"total":0.1}')["total"] == Decimal("0.1")


def test_unknown_enum_values_and_integers_for_texts_are_accepted() -> None:
    typed = type_records(INVOICES, [b'{"id":1,"syncStatus":"Reticulating"}', b'{"id":2,"syncStatus":3}'])
    assert typed.rows.column("sync_status").to_pylist() == ["Reticulating", "3"]
    assert typed.notes == []


def test_unknown_fields_are_kept_verbatim_at_the_top_and_in_nested_objects() -> None:
    text = b'{"id":1, "colour":"red" , "customer":{"id":5,"nick" : [1.10,  {"a":null}],"name":"Ann"},"big":1e2}'
    typed = type_records(INVOICES, [text, b'{"id":2,"items":[{"whatever":1}]}'])
    first, second = typed.rows.to_pylist()
    assert first["_extra"] == '{"colour":"red","customer":{"nick":[1.10,  {"a":null}]},"big":1e2}'
    assert (first["customer__id"], first["customer__name"], second["_extra"]) == (5, "Ann", None)
    assert typed.unknown == {"colour", "customer.nick", "big"}
    assert typed.notes == []


def test_an_unknown_field_is_kept_next_to_an_untypable_one() -> None:
    typed = type_records(INVOICES, [b'{"id":1,"total":"abc","active":"perhaps","colour":"red"}'])
    assert typed.rows.column("_extra").to_pylist() == ['{"colour":"red"}']
    assert [(n.field, n.reason) for n in typed.notes] == [("active", "not true or false"), ("total", "not a number")]


def test_an_unknown_field_that_postgres_cannot_hold_is_noted_and_the_others_are_kept() -> None:
    typed = type_records(INVOICES, [b'{"id":1,"huge":1e999999,"job":{"id":2,"odd":1e999999,"fine":3},"colour":"red"}'])
    assert typed.rows.column("_extra").to_pylist() == ['{"job":{"fine":3},"colour":"red"}']
    assert [(n.field, n.record_id) for n in typed.notes] == [("_extra", 1), ("_extra", 1)]
    assert {n.reason.split(":")[0] for n in typed.notes} == {"huge", "job.odd"}
    assert typed.unknown == {"huge", "job.odd", "job.fine", "colour"}


def test_a_nested_object_of_the_wrong_type_loses_only_its_fields() -> None:
    typed = type_records(INVOICES, [b'{"id":1,"customer":"Mary","job":{"id":4}}'])
    (row,) = typed.rows.to_pylist()
    assert (row["customer__id"], row["customer__name"], row["job__id"]) == (None, None, 4)
    assert [(n.field, n.reason) for n in typed.notes] == [
        ("customer__id", "not an object"),
        ("customer__name", "not an object"),
    ]


def test_nul_and_lone_surrogates_are_removed_from_columns_but_not_from_the_record() -> None:
    text = rb'{"id":1,"summary":"a\u0000b \ud800\ud83d\ude00 C:\\u0000","no\u0000te":"x\udfff","items":["\u0000"]}'
    typed = type_records(INVOICES, [text])
    (row,) = typed.rows.to_pylist()
    assert row["summary"] == "ab \N{GRINNING FACE} C:\\u0000"
    assert (row["items"], row["_extra"], row["_record"]) == ('[""]', '{"note":"x"}', text.decode())
    assert typed.notes == []


def test_the_version_counts_ticks_and_is_null_where_the_time_of_change_is_unusable() -> None:
    typed = type_records(INVOICES, [
        b'{"id":1,"modifiedOn":"0001-01-01T00:00:00.0000003Z"}', b'{"id":2,"modifiedOn":"not a date"}', b'{"id":3}',
    ])  # fmt: skip
    assert typed.rows.column("_version").to_pylist() == [3, None, None]
    assert [(n.row, n.field) for n in typed.notes] == [(1, "modified_on")]


@given(json_texts())
def test_pages_of_raws_and_of_bytes_are_typed_alike(value: str) -> None:
    text = f'{{"id":1,"items":{value}}}'.encode()
    assert type_records(INVOICES, [Raw(text)]) == type_records(INVOICES, [text])


def test_no_records_give_an_empty_table_of_the_same_columns() -> None:
    typed = type_records(INVOICES, [])
    assert typed.rows.schema.equals(table_schema(INVOICES))
    assert (typed.rows.num_rows, typed.notes, typed.unknown) == (0, [], frozenset())


def test_the_fingerprint_changes_only_with_fields_types_and_cursor() -> None:
    def changed(**changes: Any) -> Endpoint:
        return dataclasses.replace(INVOICES, **changes)

    first, *rest = INVOICES.fields
    others = [
        changed(fields=(*INVOICES.fields, Field(("colour",), "colour", FieldType.TEXT))),
        changed(fields=(first, *rest[1:])),
        changed(fields=(first, dataclasses.replace(rest[0], type=FieldType.JSONB), *rest[1:])),
        changed(fields=(first, dataclasses.replace(rest[0], column="other"), *rest[1:])),
        changed(cursor_field="createdOn"),
    ]
    assert len({fingerprint(other) for other in others} | {fingerprint(INVOICES)}) == len(others) + 1
    assert fingerprint(changed(path="/elsewhere", parameters=())) == fingerprint(INVOICES)


def test_the_schema_has_the_catalogues_columns_in_order_and_the_records_own() -> None:
    expected = pa.schema([(field.column, ARROW_TYPES[field.type]) for field in INVOICES.fields])
    for field in (pa.field("_extra", pa.string()), pa.field("_version", pa.int64()), pa.field("_record", pa.string())):
        expected = expected.append(field)
    assert table_schema(INVOICES).equals(expected)
