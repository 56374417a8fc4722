from __future__ import annotations

from typing import Any

import pytest

from st_pipeline.servicetitan.catalogue.document import Document

REF = "#/components/schemas/"


def document(
    schemas: dict[str, Any] | None = None, *, parameters: Any = (), answer: Any = None, path: str = "things"
) -> Document:
    page = {"properties": {"data": {"type": "array", "items": {"$ref": f"{REF}Thing"}}}, "type": "object"}
    operation = {
        "parameters": list(parameters),
        "security": [{"apiKeyHeader": [], "oauth": ["tn.mod.things:r"]}],
        "responses": {"200": {"content": {"application/json": {"schema": answer or page}}}},
    }
    return Document(
        {
            "info": {"title": "Module"},
            "servers": [{"url": "https://api.servicetitan.io/mod/v2"}],
            "paths": {f"/tenant/{{tenant}}/{path}": {"get": operation, "post": {}}},
            "components": {"schemas": {"Thing": {"type": "object", "properties": {}}} | (schemas or {})},
        }
    )


def fields(properties: dict[str, Any], **schemas: Any) -> dict[str, str]:
    made = document({"Thing": {"type": "object", "properties": properties}, **schemas})
    ((_, _, found),) = made.endpoints()
    return {field["column"]: field["type"] for field in found}


def query(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}} | more


def only(made: Document) -> dict[str, Any]:
    ((endpoint, _, _),) = made.endpoints()
    return endpoint


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"type": "integer", "format": "int64"}, "bigint"),
        ({"type": ["integer", "null"], "format": "int32"}, "bigint"),
        ({"type": "number", "format": "decimal"}, "numeric"),
        ({"type": ["number", "null"], "format": "double"}, "numeric"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "string", "format": "date-time"}, "timestamptz"),
        ({"type": ["string", "null"], "format": "date"}, "date"),
        ({"type": "string", "format": "html"}, "text"),
        ({"type": "string", "format": "duration"}, "text"),
        ({"type": "array", "items": {"type": "string"}}, "jsonb"),
        ({"type": "object", "additionalProperties": {}}, "jsonb"),
        ({"$ref": f"{REF}Names"}, "text"),
        ({"oneOf": [{"$ref": f"{REF}Names"}, {"type": "null"}]}, "text"),
        ({"$ref": f"{REF}Numbers"}, "text"),
        ({"$ref": f"{REF}Anything"}, "jsonb"),
        ({}, "jsonb"),
    ],
)
def test_each_kind_of_schema_has_its_column_type(schema: dict[str, Any], type_: str) -> None:
    named = {
        "Names": {"type": "string", "enum": ["A"]},
        "Numbers": {"type": "integer", "enum": [0]},
        "Anything": {"type": "object"},
    }
    assert fields({"x": schema}, **named) == {"x": type_}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": f"{REF}Inner"},
        {"oneOf": [{"$ref": f"{REF}Inner"}, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"$ref": f"{REF}Inner"}]},
        {"allOf": [{"$ref": f"{REF}Inner"}]},
    ],
)
def test_a_nested_object_is_flattened_one_level_and_no_deeper(schema: dict[str, Any]) -> None:
    inner = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "deeper": {"$ref": f"{REF}Inner"},
            "list": {"type": "array", "items": {}},
        },
    }
    assert fields({"outer": schema}, Inner=inner) == {
        "outer__id": "bigint",
        "outer__deeper": "jsonb",
        "outer__list": "jsonb",
    }


def test_the_id_comes_first_and_the_rest_keeps_its_order() -> None:
    names = {name: {"type": "string"} for name in ("zeta", "alpha", "id", "mid")}
    assert list(fields(names)) == ["id", "zeta", "alpha", "mid"]


def test_two_names_for_one_column_are_refused() -> None:
    with pytest.raises(ValueError, match="share the column sub_total"):
        fields({"subTotal": {"type": "string"}, "SubTotal": {"type": "string"}})


@pytest.mark.parametrize("name", ["tenant", "x" * 64])
def test_an_impossible_or_reserved_column_name_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a column"):
        fields({name: {"type": "string"}})


def test_an_export_and_a_list_are_told_apart() -> None:
    assert only(document(parameters=[query("from")], path="export/things"))["kind"] == "export"
    assert only(document(parameters=[query("from")], path="things"))["kind"] == "list"


def test_a_bare_array_is_a_list_and_a_single_object_is_no_endpoint() -> None:
    array = {"type": "array", "items": {"$ref": f"{REF}Thing"}}
    assert only(document(answer=array))["kind"] == "list"
    assert not list(document(answer={"$ref": f"{REF}Thing"}).endpoints())
    assert not list(document(answer={"type": "integer"}).endpoints())


def test_inactive_records_are_asked_for_and_pages_put_in_the_order_of_ids() -> None:
    sort = query("sort", description='"?sort=+FieldName".\\\n\\\nAvailable fields are: ModifiedOn, Id, CreatedOn.')
    assert only(document(parameters=[query("active"), sort]))["always"] == {"active": "Any", "sort": "+Id"}
    assert only(document(parameters=[query("activeState")]))["always"] == {"activeState": "All"}
    ordered = query("orderBy", description='Supported fields are "id", "modifiedOn"')
    assert only(document(parameters=[ordered, query("orderByDirection")]))["always"]["orderBy"] == "id"


@pytest.mark.parametrize(
    "description",
    [None, "Applies sorting by specified fields", "Available fields are: Location (sorts by locations Id), X."],
)
def test_a_sort_whose_fields_are_not_known_is_not_sent(description: str | None) -> None:
    assert "sort" not in only(document(parameters=[query("sort", description=description)]))["always"]


def test_limits_of_the_page_size_are_read_from_schema_or_text() -> None:
    assert only(document())["max_page_size"] == 0
    assert only(document(parameters=[query("pageSize")]))["max_page_size"] == 5000
    assert only(document(parameters=[query("pageSize", schema={"maximum": 500.0})]))["max_page_size"] == 500
    told = query("pageSize", description="How many (50 by default). Maximum value is 200.")
    assert only(document(parameters=[told]))["max_page_size"] == 200


def test_parameters_that_only_the_caller_can_fill_are_needed() -> None:
    made = document(parameters=[query("ids", required=True), query("page", required=True)], path="things/{id}/parts")
    assert only(made)["needs"] == ["id", "ids"]


def test_an_operation_without_one_scope_is_refused() -> None:
    made = document()
    made._parsed["paths"]["/tenant/{tenant}/things"]["get"]["security"] = []
    with pytest.raises(ValueError, match="0 OAuth scopes"):
        list(made.endpoints())
