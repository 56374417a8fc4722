"""Validates each field of a tenant: pure functions from what was entered to the stored value.

model.py has the fields. No message repeats the value: someone may have entered a secret in the wrong field.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from st_pipeline.tenants.cadence_parsing import parse
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.time_zones import ZoneUnclear, find_zone

LONGEST_KEY = 63
LONGEST_TEXT = 200
RESERVED_KEYS = frozenset({"all", "new"})
LARGEST_TENANT_ID = 2**63 - 1
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")

_KEY = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST_KEY - 1}}}")


class Environment(StrEnum):
    """Which of ServiceTitan's environments an account is in; ``sandbox`` is our simulated one."""

    PRODUCTION = "production"
    INTEGRATION = "integration"
    SANDBOX = "sandbox"


def valid_key(key: str) -> str:
    """A slug: partition key, folder name, and command-line argument. It is never altered.

    The orchestrator accepts anything as a partition key, so only this function is strict.
    """
    if not _KEY.fullmatch(key):
        expected = f"must be 1 to {LONGEST_KEY} lowercase letters, digits or hyphens, and not start with a hyphen"
        raise FieldInvalid("key", expected, suggestion=slug(key))
    if key in RESERVED_KEYS:
        raise FieldInvalid("key", f"{key} is reserved; choose another")
    return key


def slug(text: str) -> str | None:
    """The closest valid key for a name, ``Müller & Söhne`` -> ``muller-sohne``; None if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    near = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_KEY].rstrip("-")
    return near if near and near not in RESERVED_KEYS else None


def valid_name(name: str) -> str:
    """Any text, with white space trimmed and collapsed."""
    return _text("name", name) or _refuse("name", "is empty; enter the company's name")


def valid_tenant_id(tenant_id: int | str) -> int:
    """ServiceTitan's number for the account: a positive int64 (API documents: ``tenant`` is int64)."""
    if isinstance(tenant_id, str):
        digits = tenant_id.strip()
        if _GROUPED.fullmatch(digits):  # as a spreadsheet shows it: 1,004
            digits = digits.replace(",", "")
        # isdecimal() alone would accept digits of other scripts; 19 digits fit every int64.
        tenant_id = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 19 else 0
    if isinstance(tenant_id, bool) or not 0 < tenant_id <= LARGEST_TENANT_ID:
        raise FieldInvalid("tenant id", "must be the company's number from ServiceTitan, digits only")
    return tenant_id


def valid_environment(environment: str) -> Environment:
    """``production``, ``integration`` or ``sandbox``, in any case."""
    try:
        return Environment(environment.strip().lower())
    except ValueError:
        pass
    raise FieldInvalid("environment", f"must be one of {', '.join(Environment)}")


def valid_company_code(code: str | None) -> str | None:
    """Free text, trimmed: the tenant's name in the legacy tables, like ``SM000250``. Empty means none."""
    return _text("company code", code or "") or None


def valid_trade(trade: str | None) -> str | None:
    """Free text, trimmed: the trade's full name, like ``Plumbing``. Empty means none."""
    return _text("trade", trade or "") or None


def valid_timezone(zone: str) -> str:
    """The official name of the time zone that is meant; time_zones.py has the accepted forms."""
    try:
        return find_zone(zone)
    except ZoneUnclear as unclear:
        raise FieldInvalid("timezone", str(unclear)) from None


def valid_cadence(cadence: str) -> str:
    """The text of a cadence in its stored form; cadence_parsing.py has the accepted formats."""
    return parse(cadence).text


def _text(field: str, text: str) -> str:
    folded = " ".join(text.split())
    if len(folded) > LONGEST_TEXT:
        _refuse(field, f"must be at most {LONGEST_TEXT} characters")
    # Cc: control characters, including NUL; Cs: lone surrogates. Postgres stores neither NUL nor surrogates.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in folded):
        _refuse(field, "must not contain control characters")
    return folded


def _refuse(field: str, problem: str) -> str:
    raise FieldInvalid(field, problem)
