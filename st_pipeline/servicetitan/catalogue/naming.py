"""Convert the API's names to ours: snake case, columns, entities. Pure functions over strings.

corrections.toml has the names that no rule gets right.
"""

from __future__ import annotations

import re

# An acronym may have a plural s (IDs); a capital that starts a word belongs to that word (HTMLBody -> HTML, Body).
_WORD = re.compile(r"[A-Z]+s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[A-Z]")
_DIGITS_AFTER_LETTER = re.compile(r"(?<=[a-z])_(?=[0-9])")
_PATH = re.compile(r"/([^/]+)/(?:[^/]+/)?tenant/\{tenant\}/(.+)")
_WITHOUT_PLURAL = frozenset({"status", "address", "business", "equipment", "data", "structure"})

SEPARATOR = "__"
POSTGRES_NAME_BYTES = 63


def snake_case(name: str) -> str:
    """``subTotal`` -> ``sub_total``, ``isQBOSynced`` -> ``is_qbo_synced``, ``address2`` -> ``address2``.

    Uses a-z, 0-9 and single underscores; a snake case name stays unchanged.
    """
    words = "_".join(_WORD.findall(name)).lower()
    return _DIGITS_AFTER_LETTER.sub("", words)


def column_name(path: tuple[str, ...]) -> str:
    """The column of a JSON path: ``("customer", "id")`` -> ``customer__id``."""
    return SEPARATOR.join(snake_case(name) for name in path)


def singular(word: str) -> str:
    """The singular of the last word in a snake case name: ``business_units`` -> ``business_unit``."""
    *before, last = word.split("_")
    if last in _WITHOUT_PLURAL:
        one = last
    elif last.endswith("ies"):
        one = f"{last[:-3]}y"
    elif last.endswith(("sses", "tuses", "xes", "ches")):
        one = last[:-2]
    elif last.endswith("s"):
        one = last[:-1]
    else:
        one = last
    return "_".join([*before, one])


def entity_name(path: str) -> str:
    """``/crm/v2/tenant/{tenant}/export/customers/contacts`` -> ``crm_customer_contacts``.

    The module, then the path after the tenant; every word but the last is singular. Placeholders and the word
    ``export`` are omitted, so that the export and list of a resource share a name. ValueError for a path without a
    tenant.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"{path} is not a tenant path: expected /<module>/<version>/tenant/{{tenant}}/<resource>")
    module, resource = match.groups()
    parts = [p for p in resource.split("/") if p != "export" and not p.startswith("{")]
    *parents, last = [snake_case(part) for part in parts]
    return "_".join([snake_case(module), *map(singular, parents), last])
