"""Reads ``alerts.toml`` in the home: thresholds that override the defaults, validated name by name.

    [error_rate]
    over = 0.1

    [drift]
    enabled = false

thresholds.py has the settings and their bounds.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

from st_pipeline.rules.findings import Severity
from st_pipeline.rules.thresholds import Rules, Telling
from st_pipeline.settings import DEFAULT_DAGSTER_URL, SettingsError

FILE = "alerts.toml"


class RulesInvalid(SettingsError):
    """The file is invalid; the message names the file, table and key, and what is expected."""


def read_rules(home: Path, dagster_url: str = DEFAULT_DAGSTER_URL) -> Rules:
    """The rules of ``home``: the defaults, overridden by its ``alerts.toml`` if there is one.

    ``dagster_url`` is where links to runs lead, unless the file says otherwise.

    Raises:
        RulesInvalid: the file cannot be read, or has an unknown or invalid setting.
    """
    path = home / FILE
    defaults = Rules(telling=Telling(dagster_url=dagster_url))
    try:
        with path.open("rb") as file:
            return parse_rules(tomllib.load(file), str(path), defaults)
    except FileNotFoundError:
        return defaults
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesInvalid(f"{path}: {error}. Fix the file or remove it") from None


def parse_rules(tables: Mapping[str, Any], source: str, rules: Rules = Rules()) -> Rules:  # noqa: B008 - frozen
    """``rules`` with what ``tables`` change; ``source`` is the file's name in messages. Raises RulesInvalid."""
    known = [part.name for part in fields(Rules)]
    changed: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in known:
            raise RulesInvalid(f"{source}: unknown rule {name}; {_nearest(name, known)}")
        if not isinstance(table, dict):
            raise RulesInvalid(f"{source}: {name} must be a table: [{name}]")
        changed[name] = _changed(getattr(rules, name), table, f"{source}: [{name}]")
    return replace(rules, **changed)


def _changed(rule: Any, table: Mapping[str, Any], where: str) -> Any:
    known = {field.name: field for field in fields(rule)}
    for key in table:
        if key not in known:
            raise RulesInvalid(f"{where} has no setting {key}; {_nearest(key, known)}")
    return replace(rule, **{key: _value(known[key], getattr(rule, key), table[key], where) for key in table})


def _value(field: Field[Any], default: Any, value: Any, where: str) -> Any:
    """The value, validated, in the type of its default. A float may be written as an integer."""
    name = f"{where} {field.name}"
    if isinstance(default, Severity):
        if value not in list(Severity):
            raise RulesInvalid(f"{name} must be {' or '.join(repr(str(one)) for one in Severity)}")
        return Severity(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        raise RulesInvalid(f"{name} must be {words[type(default)]}")
    if "least" in field.metadata:
        least, most = field.metadata["least"], field.metadata["most"]
        if not least <= value <= most:  # nan is neither
            raise RulesInvalid(f"{name} must be between {least:g} and {most:g}")
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        raise RulesInvalid(f"{name} must start with http:// or https://")
    return value.rstrip("/") if isinstance(value, str) else value


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"available: {', '.join(known)}"
