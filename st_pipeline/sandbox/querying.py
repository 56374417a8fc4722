"""Parsing and validating a list's parameters. listing.py selects the records.

Unknown parameters are ignored, as in the API; names are case-insensitive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.endpoints import Entity, Filter

MOST_PER_PAGE = 5_000
MOST_IDS = 50
_BOUNDS = (("createdOnOrAfter", "createdBefore"), ("modifiedOnOrAfter", "modifiedBefore"))
_ACTIVE = {"true": True, "any": None, "false": False}
_STATES = {"activeonly": True, "all": None, "inactiveonly": False}
_BOOLS = {"true": True, "false": False}

_T = TypeVar("_T")
Member = Callable[[dict[str, Any]], bool]


@dataclass
class Query:
    """A list's parsed parameters; ``errors`` has the invalid ones."""

    page: int = 1
    page_size: int = 50
    include_total: bool = False
    active: bool | None = True
    ids: frozenset[int] | None = None
    created: tuple[int | None, int | None] = (None, None)
    modified: tuple[int | None, int | None] = (None, None)
    sort: str = "id"
    descending: bool = True
    members: list[Member] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)


def parse_query(entity: Entity, parameters: Iterable[tuple[str, str]]) -> Query:
    """Parse a list's parameters; an empty value counts as absent."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if value:
            given.setdefault(name.lower(), []).append(value)
    query = Query()
    reader = _Reader(given, query.errors)
    query.page = reader.number("page", 1, 2**31 - 1, 1)
    query.page_size = reader.number("pageSize", 1, MOST_PER_PAGE, 50)
    query.include_total = bool(reader.choice("includeTotal", _BOOLS, False))
    if entity.activity is None:
        query.active = None
    else:
        query.active = reader.choice(entity.activity, _STATES if entity.activity == "activeState" else _ACTIVE, True)
    if entity.ids:
        query.ids = reader.ids("ids")
    (query.created, query.modified) = ((reader.time(a), reader.time(b)) for a, b in _BOUNDS)
    _read_order(entity, reader, query)
    for name, one in entity.filters.items():
        member = reader.member(name, one)
        if member is not None:
            query.members.append(member)
    if entity.needs_one_of and not any(name.lower() in given for name in entity.needs_one_of):
        query.errors["request"] = [f"At least one of {', '.join(entity.needs_one_of)} must be specified."]
    return query


def _read_order(entity: Entity, reader: _Reader, query: Query) -> None:
    if entity.sort and (value := reader.one("sort")):
        known = {name.lower() for name in entity.sort}
        if value[0] not in "+-" or value[1:].lower() not in known:
            reader.refuse("sort", value)
        else:
            query.sort, query.descending = value[1:].lower(), value[0] == "-"
    if entity.order_by and (value := reader.one("orderBy")):
        if value.lower() not in {name.lower() for name in entity.order_by}:
            reader.refuse("orderBy", value)
        else:
            direction = (reader.one("orderByDirection") or "asc").lower()
            if direction not in ("asc", "ascending", "desc", "descending"):
                reader.refuse("orderByDirection", direction)
            query.sort, query.descending = value.lower(), direction.startswith("desc")


class _Reader:
    """Typed access to parameters; collects errors in the API's wording."""

    def __init__(self, given: Mapping[str, list[str]], errors: dict[str, list[str]]) -> None:
        self._given = given
        self._errors = errors

    def one(self, name: str) -> str | None:
        values = self._given.get(name.lower())
        return values[0] if values else None

    def refuse(self, name: str, value: str) -> None:
        self._errors[name] = [f"The value '{value}' is not valid for {name[0].upper()}{name[1:]}."]

    def number(self, name: str, least: int, most: int, default: int) -> int:
        value = self.one(name)
        if value is None:
            return default
        try:
            number = _integer(value)
        except ValueError:
            self.refuse(name, value)
            return default
        if not least <= number <= most:
            self._errors[name] = [f"The field {name[0].upper()}{name[1:]} must be between {least} and {most}."]
            return default
        return number

    def choice(self, name: str, values: Mapping[str, _T], default: _T) -> _T:
        value = self.one(name)
        if value is None:
            return default
        if value.lower() not in values:
            self.refuse(name, value)
            return default
        return values[value.lower()]

    def ids(self, name: str) -> frozenset[int] | None:
        value = self.one(name)
        if value is None:
            return None
        try:
            parts = [_integer(part.strip()) for part in value.split(",")]
        except ValueError:
            self.refuse(name, value)
            return None
        if len(parts) > MOST_IDS:
            self._errors[name] = [f"The field {name[0].upper()}{name[1:]} must have at most {MOST_IDS} values."]
            return None
        return frozenset(parts)

    def time(self, name: str) -> int | None:
        value = self.one(name)
        ticks = None if value is None else instants.parse(value)
        if value is not None and ticks is None:
            self.refuse(name, value)
        return ticks

    def member(self, name: str, one: Filter) -> Member | None:
        value = self.one(name)
        if value is None:
            return None
        try:
            test = _test(one, self._given[name.lower()])
        except ValueError:
            self.refuse(name, value)
            return None
        return lambda record: test(_at(record, one.member))


def _integer(text: str) -> int:
    """An int64 as ASP.NET parses it; Python's int() would also accept "1_000" and digits in other scripts."""
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or abs(int(text)) >= 2**63:
        raise ValueError(text)
    return int(text)


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _test(one: Filter, values: list[str]) -> Callable[[Any], bool]:
    """A predicate for one member, from a parameter's values; ValueError if a value does not fit the filter's kind."""
    value = values[0]
    if one.kind == "int":
        number = _integer(value)
        return lambda found: found == number
    if one.kind == "ints":
        numbers = {_integer(part.strip()) for part in value.split(",")}
        return lambda found: found in numbers
    if one.kind == "text":
        return lambda found: isinstance(found, str) and value.lower() in found.lower()
    if one.kind == "exact":
        return lambda found: found == value
    if one.kind == "bool":
        wanted = _known(value, ("true", "false")) == "true"
        return lambda found: found is wanted
    if one.kind == "enum":
        allowed = {_known(part, one.values) for part in values}
        return lambda found: isinstance(found, str) and found.lower() in allowed
    if one.kind in ("number_from", "number_to"):
        bound, sign = float(value), 1 if one.kind == "number_from" else -1
        return lambda found: found is not None and sign * (float(found) - bound) >= 0
    ticks = instants.parse(value)
    if ticks is None:
        raise ValueError(value)
    if one.kind == "time_from":
        return lambda found: isinstance(found, str) and (instants.parse(found) or 0) >= ticks
    return lambda found: isinstance(found, str) and (instants.parse(found) or 0) < ticks


def _known(value: str, values: Sequence[str]) -> str:
    if value.lower() not in {one.lower() for one in values}:
        raise ValueError(value)
    return value.lower()
