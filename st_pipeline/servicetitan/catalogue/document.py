"""Turn one OpenAPI document into endpoints and record schemas: plain data for the catalog's JSON files.

Only what the document says: corrections.py changes it, generate.py writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from st_pipeline.servicetitan.catalogue.model import TENANT_PARAMETER, FieldType, Kind
from st_pipeline.servicetitan.catalogue.naming import POSTGRES_NAME_BYTES, column_name, entity_name

Json = dict[str, Any]

LARGEST_PAGE = 5000  # the API's page on paging: "between 1 and 5000"
_FORMATS = {"date-time": FieldType.TIMESTAMPTZ, "date": FieldType.DATE}
_SCALARS = {"integer": FieldType.BIGINT, "number": FieldType.NUMERIC, "boolean": FieldType.BOOLEAN}
_PAGING = frozenset({"page", "pageSize", "includeTotal"})
_MAXIMUM = re.compile(r"Maximum value is (\d+)")
# Matches "Available fields are: Id, ModifiedOn" and similar; text without such a list allows no sort field.
_SORT_BY_ID = re.compile(r"(?:fields are|values|Options|field): (?:\w+, )*?(I[dD])\b")


class Document:
    """A parsed OpenAPI document with its references resolved on demand."""

    def __init__(self, parsed: Json) -> None:
        self._parsed = parsed
        self._schemas: Json = parsed["components"]["schemas"]
        self._prefix = urlsplit(parsed["servers"][0]["url"]).path
        self.module = self._prefix.split("/")[1]
        self.title = str(parsed["info"]["title"])

    def endpoints(self) -> Iterator[tuple[Json, str, list[Json]]]:
        """Every GET that returns many records: the endpoint, and its record's schema name and fields."""
        for path, item in self._parsed["paths"].items():
            record = self._record(item["get"]) if "get" in item else None
            if record is not None:
                name, schema = record
                yield self._endpoint(self._prefix + path, item["get"], name, schema), name, self._fields(schema)

    def _record(self, operation: Json) -> tuple[str, Json] | None:
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        answer = self._resolved(content["schema"])[1]
        data = answer if "array" in _types(answer) else self._resolved(answer.get("properties", {}).get("data", {}))[1]
        if "array" not in _types(data) or "items" not in data:
            return None
        return self._resolved(data["items"])

    def _resolved(self, schema: Json) -> tuple[str, Json]:
        """The schema behind a reference, or behind a oneOf with null, and its name ("" if it has none)."""
        for choice in schema.get("oneOf", schema.get("allOf", [])):
            if "$ref" in choice:
                schema = choice
        if "$ref" not in schema:
            return "", schema
        name = schema["$ref"].rpartition("/")[2]
        return name, self._schemas[name]

    def _endpoint(self, path: str, operation: Json, record_name: str, record: Json) -> Json:
        query = {p["name"]: p for p in operation.get("parameters", ()) if p["in"] == "query"}
        kind = Kind.EXPORT if "from" in query and "export" in path.split("/") else Kind.LIST
        placeholders = [name for name in re.findall(r"\{(\w+)\}", path) if name != TENANT_PARAMETER]
        properties = record.get("properties", {})
        return {
            "path": path,
            "entity": entity_name(path),
            "kind": kind.value,
            "scope": _scope(path, operation),
            "record": record_name,
            "parameters": list(query),
            "always": _always(query),
            "needs": placeholders + [n for n, p in query.items() if p.get("required") and n not in _PAGING],
            "key": ["id"] if "id" in properties else [],
            "cursor_field": "modifiedOn" if "modifiedOn" in properties else None,
            "max_page_size": _max_page_size(query),
            "first_page": 1,
        }

    def _fields(self, record: Json) -> list[Json]:
        fields: list[Json] = []
        for name, schema in record.get("properties", {}).items():
            members = self._resolved(schema)[1].get("properties") if self._is_object(schema) else None
            if members:
                fields += [self._field((name, member), inner) for member, inner in members.items()]
            else:
                fields.append(self._field((name,), schema))
        fields.sort(key=lambda field: field["path"] != ["id"])
        _check_columns(fields)
        return fields

    def _is_object(self, schema: Json) -> bool:
        return "object" in _types(self._resolved(schema)[1])

    def _field(self, path: tuple[str, ...], schema: Json) -> Json:
        return {
            "path": list(path),
            "column": column_name(path),
            "type": self._type(schema).value,
            "description": _short(schema.get("description", "")),
        }

    def _type(self, schema: Json) -> FieldType:
        resolved = self._resolved(schema)[1]
        types = _types(resolved)
        if "enum" in resolved:
            return (
                FieldType.TEXT
            )  # enums are open, and the API has sent names for numeric enums and numbers for named ones
        for json_type, field_type in _SCALARS.items():
            if json_type in types:
                return field_type
        if "string" in types:
            return _FORMATS.get(resolved.get("format", ""), FieldType.TEXT)
        return FieldType.JSONB


def _types(schema: Json) -> list[str]:
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else declared


def _scope(path: str, operation: Json) -> str:
    scopes = [scope for way in operation.get("security", ()) for scope in way.get("oauth", ())]
    if len(scopes) != 1:
        raise ValueError(f"GET {path} names {len(scopes)} OAuth scopes {scopes}: the catalog expects one")
    return scopes[0]


def _always(query: Json) -> Json:
    """Include inactive records, and sort by a field that never changes, so an edit between two pages moves no record.

    Uses only values listed in the document: the API rejects others.
    """
    always: Json = {}
    if "active" in query:
        always["active"] = "Any"
    if "activeState" in query:
        always["activeState"] = "All"
    if "sort" in query and (field := _SORT_BY_ID.search(query["sort"].get("description") or "")):
        always["sort"] = f"+{field[1]}"
    elif "orderByDirection" in query and '"id"' in (query["orderBy"].get("description") or ""):
        always |= {"orderBy": "id", "orderByDirection": "asc"}
    return always


def _max_page_size(query: Json) -> int:
    if "pageSize" not in query:
        return 0
    declared = query["pageSize"]["schema"].get("maximum")
    told = _MAXIMUM.search(query["pageSize"].get("description") or "")
    return int(declared or (told and told[1]) or LARGEST_PAGE)


def _short(description: str) -> str:
    """The first sentence, on one line, at most 120 characters."""
    text = re.split(r"(?<=[.!])\s", " ".join(description.split()), maxsplit=1)[0]
    return text if len(text) <= 120 else f"{text[:119]}…"


def _check_columns(fields: list[Json]) -> None:
    columns: dict[str, Json] = {}
    for field in fields:
        other = columns.setdefault(field["column"], field)
        if other is not field:
            raise ValueError(f"{other['path']} and {field['path']} would share the column {field['column']}")
        if len(field["column"].encode()) > POSTGRES_NAME_BYTES or field["column"] == TENANT_PARAMETER:
            raise ValueError(f"{field['path']} cannot be a column {field['column']}: too long, or reserved")
