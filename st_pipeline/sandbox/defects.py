"""Records that cannot be typed: which ones the fault ``untypable`` affects, and how.

The entity and id determine the defect, so a record has the same defect on every read. world/awkwardness.py has what the
real API sends in normal operation.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import msgspec

# Members to replace and their new values, chosen so that no reader can parse them as the member's type.
_COMMON: tuple[tuple[str, bytes], ...] = (
    ("modifiedOn", b'"not a date"'),
    ("createdOn", b'"31/12/2024"'),
    ("active", b'"perhaps"'),
)
_FIELDS: dict[str, tuple[tuple[str, bytes], ...]] = {
    "accounting_invoices": (
        ("total", b'"abc"'), ("customer", b'"Mary"'), ("balance", b"{}"), ("invoiceDate", b'"2024-13-45"'),
        ("items", b'"none"'), ("job", b"[7]"),
    ),
    "accounting_invoice_items": (("total", b'"1,2x"'), ("invoiceId", b'"x17"'), ("quantity", b"[]")),
    "accounting_payments": (("total", b'"n/a"'), ("customer", b"true")),
    "crm_customers": (("balance", b'"lots"'), ("address", b'"Main St"'), ("mergedToId", b"9223372036854775808")),
    "crm_customer_contacts": (("customerId", b'"c-1"'),),
    "crm_locations": (("customerId", b"1.5"), ("address", b"[]")),
    "crm_location_contacts": (("locationId", b'"l-1"'),),
    "jpm_jobs": (("total", b'"free"'), ("customerId", b"{}")),
    "jpm_appointments": (("start", b'"tomorrow"'), ("jobId", b'"j"')),
    "memberships_memberships": (("customerId", b"[]"), ("to", b'"never"')),
}  # fmt: skip
_BAD_IDS = (b"null", b'"abc"', b"12.75", b"{}", b"99999999999999999999")
_NOT_OBJECTS = (b'"oops"', b"null", b"[1,2]", b"7")


def _hash(name: str, record_id: int, salt: str) -> int:
    return zlib.crc32(f"{salt}/{name}/{record_id}".encode())


def strikes(share: float, name: str, record_id: int) -> bool:
    """Whether a record is in the defective share. A larger share includes every record of a smaller one."""
    return _hash(name, record_id, "strike") < share * 4_294_967_296


@lru_cache(maxsize=10_000)
def kind(name: str, record_id: int) -> str:
    """``field`` for four in five defective records (one bad member, usable id), else ``whole``."""
    return "whole" if _hash(name, record_id, "kind") % 5 == 0 else "field"


def spoil(name: str, record_id: int, body: bytes) -> bytes:
    """A record's JSON with its defect. All other members keep their exact bytes."""
    draw = _hash(name, record_id, "what")
    if kind(name, record_id) == "whole":
        choices = len(_BAD_IDS) + len(_NOT_OBJECTS) + 1
        if draw % choices < len(_NOT_OBJECTS):
            return _NOT_OBJECTS[draw % choices]
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if draw % choices == choices - 1:
            del members["id"]
        else:
            members["id"] = msgspec.Raw(_BAD_IDS[draw % choices - len(_NOT_OBJECTS)])
        return msgspec.json.encode(members)
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    options = [one for one in (*_FIELDS.get(name, ()), *_COMMON) if one[0] in members]
    member, value = options[draw % len(options)]
    members[member] = msgspec.Raw(value)
    return msgspec.json.encode(members)
