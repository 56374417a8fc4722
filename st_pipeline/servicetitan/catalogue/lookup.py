"""The shipped catalog: package data -> Endpoint, read once per process.

generate.py creates the data; assets.py lists the entities that become assets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType, Kind


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every GET export and list endpoint, including those below one record (``needs``), sorted by path."""
    found = [endpoint for module in _modules() for endpoint in _endpoints(module)]
    return tuple(sorted(found, key=lambda endpoint: endpoint.path))


@cache
def entities() -> Mapping[str, Endpoint]:
    """Entity -> the endpoint that returns it for a whole tenant: the export if the API has one, else the list.

    Sorted by name, read-only. Omits entities that exist only below another record (``campaigns/{id}/costs``) or behind
    a required filter; ``endpoints()`` has those.
    """
    by_path = {endpoint.path: endpoint for endpoint in endpoints()}
    chosen = {entity: by_path[path] for module in _modules() for entity, path in module["entities"].items()}
    return MappingProxyType(dict(sorted(chosen.items())))


def endpoint(entity: str) -> Endpoint:
    """An entity's endpoint; KeyError with the closest names if there is none."""
    known = entities()
    if entity in known:
        return known[entity]
    near = get_close_matches(entity, known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {len(known)}, from {min(known)} to {max(known)}"
    raise KeyError(f"no entity {entity!r} in the catalog: {hint}")


@cache
def _modules() -> tuple[dict[str, Any], ...]:
    folder = files("st_pipeline.servicetitan.catalogue").joinpath("modules")
    return tuple(json.loads(f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".json"))


def _endpoints(module: dict[str, Any]) -> Iterator[Endpoint]:
    records = {name: tuple(map(_field, fields)) for name, fields in module["records"].items()}
    for raw in module["endpoints"]:
        yield Endpoint(
            entity=raw["entity"],
            module=module["module"],
            path=raw["path"],
            scope=raw["scope"],
            kind=Kind(raw["kind"]),
            record=raw["record"],
            parameters=tuple(raw["parameters"]),
            always=tuple(raw["always"].items()),
            needs=tuple(raw["needs"]),
            key=tuple(raw["key"]),
            cursor_field=raw["cursor_field"],
            fields=records[raw["record"]],
            max_page_size=raw["max_page_size"],
            first_page=raw["first_page"],
        )


def _field(raw: dict[str, Any]) -> Field:
    return Field(tuple(raw["path"]), raw["column"], FieldType(raw["type"]), raw["description"])
