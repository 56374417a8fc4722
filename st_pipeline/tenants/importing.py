"""Reads tenants from credential files that people already have, in the formats of servicepytan and Titanpy. Pure.

registry.py stores them (``add_all``); the caller reads the file. The formats:

- servicepytan (its docs/configuration.md): one object with ``SERVICETITAN_CLIENT_ID``, ``…_CLIENT_SECRET``,
  ``…_APP_ID``, ``…_APP_KEY``, ``…_TENANT_ID``, ``…_TIMEZONE`` (may be empty: UTC), ``…_API_ENVIRONMENT``
  (``production`` by default), and the same names as variables;
- Titanpy (its README): one object with ``CLIENT_ID``, ``CLIENT_SECRET``, ``APP_ID``, ``APP_KEY``, ``TENANT_ID``,
  ``TIMEZONE``; it supports only production.

For several accounts, a list of objects or a mapping from name to object works too.
No message repeats a value from the file: any of them may be a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from st_pipeline.secret import Secret
from st_pipeline.settings import ServiceTitanDefaults
from st_pipeline.tenants.credentials import OwnCredentials, own_credentials
from st_pipeline.tenants.errors import FieldInvalid, ImportRefused
from st_pipeline.tenants.fields import slug
from st_pipeline.tenants.model import NewTenant, new_tenant

PREFIX = "SERVICETITAN_"
VARIABLES = f"the {PREFIX}* variables"

_NEEDED = ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID")
_THEIRS = (*_NEEDED, "APP_ID", "APP_KEY", "TIMEZONE", "API_ENVIRONMENT")
_OURS = ("KEY", "NAME", "COMPANY_CODE", "TRADE", "CADENCE")
_KNOWN = frozenset((*_THEIRS, *_OURS))
# The two libraries keep these in memory beside the credentials, so people save them too.
_IGNORED = frozenset({"ACCESS_TOKEN", "AUTH_ROOT", "API_ROOT"})
_NUMBERS = frozenset({"TENANT_ID", "APP_ID"})


@dataclass(frozen=True, slots=True)
class Found:
    """One tenant of a file, ready for the registry."""

    tenant: NewTenant
    own: OwnCredentials


def parse(
    text: str, source: str, *, key: str | None = None, environment: str | None = None, shared_app_key: bool = False
) -> tuple[Found, ...]:
    """Every tenant in the JSON ``text`` of ``source``.

    ``key`` is for a file with one tenant. Otherwise the key is the entry's KEY, or derived from its name, or
    ``tenant-<id>``. ``environment`` is for entries that have none (default production). If there is a
    ``shared_app_key``, APP_KEY is optional.

    Raises:
        ImportRefused: the file is invalid; the message names the entry and the field.
    """
    entries = _entries(_load(text, source), source)
    if key is not None and len(entries) != 1:
        raise ImportRefused(
            f"{source} contains {len(entries)} tenants, but --key works only with one; add a KEY to each entry instead"
        )
    found = tuple(
        _found(where, name, entry, key=key, environment=environment, shared_app_key=shared_app_key)
        for where, name, entry in entries
    )
    _require_distinct([one.tenant for one in found], source)
    return found


def from_variables(
    defaults: ServiceTitanDefaults, *, key: str | None = None, environment: str | None = None
) -> tuple[Found, ...]:
    """The one tenant in servicepytan's variables. The app key stays shared: it is not stored a second time.

    Raises:
        ImportRefused: a variable is missing or invalid; the message names it.
    """
    entry = {
        "CLIENT_ID": defaults.client_id,
        "CLIENT_SECRET": defaults.client_secret.reveal() if defaults.client_secret else None,
        "APP_ID": defaults.app_id,
        "TENANT_ID": defaults.tenant_id,
        "TIMEZONE": defaults.timezone,
        "API_ENVIRONMENT": defaults.environment,
    }
    prefixed = {f"{PREFIX}{name}": value for name, value in entry.items()}
    shared = defaults.app_key is not None
    return (_found(VARIABLES, None, prefixed, key=key, environment=environment, shared_app_key=shared),)


def _load(text: str, source: str) -> Any:
    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        problem = f"is not JSON (line {error.lineno}, column {error.colno})"
    except _Repeated as repeated:
        problem = f"has {_shown(str(repeated))} twice in one entry; keep one"
    except (ValueError, RecursionError):
        problem = "is not a credential file"
    # Raised out here, because a decoding error contains the whole text.
    raise ImportRefused(f"{source} {problem}; nothing was stored")


class _Repeated(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name, value in pairs:
        if name in entry:
            raise _Repeated(name)
        entry[name] = value
    return entry


def _entries(document: Any, source: str) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Each entry, with its place (for messages) and its name."""
    if isinstance(document, dict) and document and all(isinstance(value, dict) for value in document.values()):
        return [(f"{source}, entry {_shown(name)}", name, entry) for name, entry in document.items()]
    if isinstance(document, dict):
        return [(source, None, document)]
    if isinstance(document, list) and document and all(isinstance(entry, dict) for entry in document):
        return [(f"{source}, entry {place}", None, entry) for place, entry in enumerate(document, 1)]
    raise ImportRefused(
        f"{source} is not a credential file: expected an object with CLIENT_ID, CLIENT_SECRET, APP_KEY and TENANT_ID "
        f"(with or without {PREFIX} before each), a list of them, or a mapping from name to object; nothing was stored"
    )


def _found(
    where: str,
    name: str | None,
    entry: Mapping[str, Any],
    *,
    key: str | None,
    environment: str | None,
    shared_app_key: bool,
) -> Found:
    values, spelled = _values(where, entry)
    needed = _NEEDED if shared_app_key else (*_NEEDED, "APP_KEY")
    if missing := [spelled(field) for field in needed if field not in values]:
        raise ImportRefused(f"{where}: {', '.join(missing)} missing or empty; nothing was stored")
    name = values.get("NAME") or name
    chosen = key or values.get("KEY") or slug(name or "") or f"tenant-{values['TENANT_ID']}"
    app_key = values.get("APP_KEY")
    try:
        return Found(
            tenant=new_tenant(
                key=chosen,
                name=name,
                tenant_id=values["TENANT_ID"],
                environment=values.get("API_ENVIRONMENT") or environment or "production",
                company_code=values.get("COMPANY_CODE"),
                trade=values.get("TRADE"),
                timezone=values.get("TIMEZONE"),
                cadence=values.get("CADENCE"),
            ),
            own=own_credentials(
                values["CLIENT_ID"],
                Secret(values["CLIENT_SECRET"]),
                Secret(app_key) if app_key else None,
                values.get("APP_ID"),
            ),
        )
    except FieldInvalid as invalid:
        # A suggested key would contain part of the value, which may be a secret in the wrong field.
        problem = f"{where}: {invalid.field} {invalid.expected}; nothing was stored"
    raise ImportRefused(problem)


def _values(where: str, entry: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
    """The entry's non-empty values by short name, trimmed, and a function that spells a name as the entry does."""
    values: dict[str, str] = {}
    seen: set[str] = set()
    is_prefixed = any(name.upper().startswith(PREFIX) for name in entry)
    for name, value in entry.items():
        short = name.strip().upper().removeprefix(PREFIX)
        if short in _IGNORED:
            continue
        if short not in _KNOWN:
            known = ", ".join(sorted(_KNOWN))
            raise ImportRefused(f"{where}: unknown field {_shown(name)}; known fields: {known}; nothing was stored")
        if short in seen:
            raise ImportRefused(f"{where}: {short} is given twice, spelled differently; keep one; nothing was stored")
        seen.add(short)
        if isinstance(value, int) and not isinstance(value, bool) and short in _NUMBERS:
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise ImportRefused(f"{where}: {_shown(name)} must be text; nothing was stored")
        if value and value.strip():
            values[short] = value.strip()
    return values, lambda short: f"{PREFIX}{short}" if is_prefixed else short


def _shown(name: str) -> str:
    """A name from the file, safe to show on one line of a message."""
    return ascii(name)[1:-1][:60]


def _require_distinct(tenants: list[NewTenant], source: str) -> None:
    for place, tenant in enumerate(tenants):
        for earlier in tenants[:place]:
            if tenant.key == earlier.key:
                raise ImportRefused(
                    f"{source}: two entries would be tenant {tenant.key}; give each its own KEY; nothing was stored"
                )
            if (tenant.environment, tenant.tenant_id) == (earlier.environment, earlier.tenant_id):
                raise ImportRefused(
                    f"{source}: {earlier.key} and {tenant.key} are the same {tenant.environment} account; "
                    "keep one of them; nothing was stored"
                )
