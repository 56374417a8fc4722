"""Apply the hand-written corrections in corrections.toml, which also has the reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

Json = dict[str, Any]


class Corrections:
    """The entries of corrections.toml, applied one document at a time; each entry must match something."""

    def __init__(self, entries: Json) -> None:
        self._entries = entries
        self._used: set[int] = set()

    @classmethod
    def shipped(cls) -> Corrections:
        """The corrections in the package."""
        return cls(
            tomllib.loads(files("st_pipeline.servicetitan.catalogue").joinpath("corrections.toml").read_text("utf-8"))
        )

    def apply(self, endpoints: list[Json], records: dict[str, list[Json]]) -> None:
        """Change one document's endpoints and records in place."""
        for name, fields in records.items():
            for entry in self._for_record("type", name):
                _set_types(name, fields, entry)
        for endpoint in endpoints:
            for entry in self._for_record("key", endpoint["record"]):
                endpoint["key"] = entry["key"]
            for entry in self._for_path("name", endpoint):
                endpoint["entity"] = entry["entity"]
            for entry in self._for_path("page", endpoint):
                endpoint |= {name: entry[name] for name in ("max_page_size", "first_page") if name in entry}
            for entry in self._for_path("always", endpoint):
                endpoint["always"] |= entry["parameters"]
            for entry in self._for_path("needs", endpoint):
                endpoint["needs"] += entry["parameters"]
            # The caller does not set parameters that are always sent.
            endpoint["needs"] = [name for name in endpoint["needs"] if name not in endpoint["always"]]

    def is_superseded(self, endpoint: Json) -> bool:
        """Whether another endpoint for the same entity is used instead."""
        return any(list(self._for_path("superseded", endpoint)))

    def unused(self) -> list[str]:
        """Entries that match no document: each is outdated or misspelled."""
        return [
            f"[[{group}]] {entry.get('path') or entry.get('records')}"
            for group, entries in self._entries.items()
            for entry in entries
            if id(entry) not in self._used
        ]

    def _for_record(self, group: str, name: str) -> Iterator[Json]:
        yield from self._matching(group, lambda entry: name in entry["records"])

    def _for_path(self, group: str, endpoint: Json) -> Iterator[Json]:
        yield from self._matching(group, lambda entry: entry["path"] == endpoint["path"])

    def _matching(self, group: str, matches: Callable[[Json], bool]) -> Iterator[Json]:
        for entry in self._entries.get(group, ()):
            if matches(entry):
                self._used.add(id(entry))
                yield entry


def _set_types(record: str, fields: list[Json], entry: Json) -> None:
    by_name = {".".join(field["path"]): field for field in fields}
    for name in entry["fields"]:
        if name not in by_name:
            raise ValueError(f"corrections.toml types {record}.{name}, which is not in the documents")
        by_name[name]["type"] = entry["type"]
