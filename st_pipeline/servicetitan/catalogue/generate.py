"""``python -m st_pipeline.servicetitan.catalogue.generate <folder of OpenAPI documents>``: writes modules/*.json.

The same documents always give the same bytes. Prints the endpoints and fields that were added, removed or changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from st_pipeline.servicetitan.catalogue.corrections import Corrections
from st_pipeline.servicetitan.catalogue.document import Document
from st_pipeline.servicetitan.catalogue.model import Kind

Json = dict[str, Any]
MODULES = Path(__file__).parent / "modules"


def generate(documents: Iterable[Json]) -> dict[str, Json]:
    """File name -> content, one file per document, sorted by name.

    ValueError if two columns or two modules collide, an operation does not have exactly one scope, or a correction
    matches nothing.
    """
    corrections = Corrections.shipped()
    modules: dict[str, Json] = {}
    for document in map(Document, documents):
        endpoints: list[Json] = []
        records: dict[str, list[Json]] = {}
        for endpoint, record, fields in document.endpoints():
            endpoints.append(endpoint)
            records[record] = fields
        corrections.apply(endpoints, records)
        name = f"{document.module}.json"
        if name in modules:
            raise ValueError(f"two documents describe the module {document.module}: keep one")
        usable = [endpoint for endpoint in endpoints if not corrections.is_superseded(endpoint)]
        modules[name] = {
            "module": document.module,
            "title": document.title,
            "entities": served_by(usable),
            "endpoints": sorted(endpoints, key=lambda endpoint: endpoint["path"]),
            "records": dict(sorted(records.items())),
        }
    if unused := corrections.unused():
        raise ValueError(
            f"corrections.toml has entries that match nothing in these documents: remove or fix {'; '.join(unused)}"
        )
    return dict(sorted(modules.items()))


def served_by(endpoints: Iterable[Json]) -> dict[str, str]:
    """Entity -> path of the endpoint that returns it for a whole tenant: its export, else its list.

    Omits endpoints that need more than the tenant. ValueError if two endpoints qualify equally.
    """
    candidates: dict[str, list[Json]] = {}
    for endpoint in endpoints:
        if not endpoint["needs"]:
            candidates.setdefault(endpoint["entity"], []).append(endpoint)
    chosen: dict[str, str] = {}
    for entity, found in sorted(candidates.items()):
        best = [endpoint for endpoint in found if endpoint["kind"] == Kind.EXPORT] or found
        if len(best) > 1:
            raise ValueError(
                f"{entity} is served by {[e['path'] for e in best]}: name or supersede in corrections.toml"
            )
        chosen[entity] = best[0]["path"]
    return chosen


def rendered(module: Json) -> str:
    """The file's text: one line per endpoint member and per field, for readable diffs."""
    endpoints = ",\n".join(f"  {_block(endpoint)}" for endpoint in module["endpoints"])
    records = ",\n".join(
        f"  {_line(name)}: [\n{_lines(fields)}\n  ]" if fields else f"  {_line(name)}: []"
        for name, fields in module["records"].items()
    )
    head = f'{{\n "module": {_line(module["module"])},\n "title": {_line(module["title"])},'
    entities = ",\n".join(f"  {_line(name)}: {_line(path)}" for name, path in module["entities"].items())
    head += f'\n "entities": {{\n{entities}\n }},'
    return f'{head}\n "endpoints": [\n{endpoints}\n ],\n "records": {{\n{records}\n }}\n}}\n'


def changes(before: Json | None, after: Json | None) -> list[str]:
    """What a new document changes, one line each: ``+`` added, ``-`` removed, ``~`` changed."""
    old, new = _facts(before), _facts(after)
    lines = [f"+ {name}" for name in new if name not in old]
    lines += [f"- {name}" for name in old if name not in new]
    lines += [f"~ {name}: {old[name]} -> {new[name]}" for name in new if name in old and old[name] != new[name]]
    return lines


def main(arguments: list[str] | None = None, *, target: Path = MODULES) -> int:
    """The command; returns 0 if the files match the documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of OpenAPI documents, one JSON file per module")
    folder: Path = parser.parse_args(arguments).folder
    paths = sorted(folder.glob("*.json"))
    if not paths:
        parser.error(f"no *.json in {folder}")
    modules = generate(json.loads(path.read_text("utf-8")) for path in paths)
    stale = {path.name for path in target.glob("*.json")} - modules.keys()
    for name in sorted(modules.keys() | stale):
        path = target / name
        before = json.loads(path.read_text("utf-8")) if path.exists() else None
        for line in changes(before, modules.get(name)):
            sys.stdout.write(f"{line}\n")
        if name in stale:
            path.unlink()
        else:
            path.write_text(rendered(modules[name]), "utf-8")
    sys.stdout.write(f"{len(modules)} modules, {sum(len(m['endpoints']) for m in modules.values())} endpoints\n")
    return 0


def _facts(module: Json | None) -> dict[str, str]:
    if module is None:
        return {}
    facts = {f"entity {entity}": path for entity, path in module["entities"].items()}
    facts |= {f"GET {e['path']}": _line({k: v for k, v in e.items() if k != "path"}) for e in module["endpoints"]}
    for record, fields in module["records"].items():
        facts |= {f"{record}.{'.'.join(field['path'])}": field["type"] for field in fields}
    return facts


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(values: Iterable[object]) -> str:
    return ",\n".join(f"   {_line(value)}" for value in values)


def _block(mapping: Json) -> str:
    members = ",\n".join(f"   {_line(name)}: {_line(value)}" for name, value in mapping.items())
    return f"{{\n{members}\n  }}"


if __name__ == "__main__":
    sys.exit(main())
