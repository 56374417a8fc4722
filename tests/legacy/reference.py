"""The legacy tables in plain Python: records as the API sends them in, rows out.

Written line by line from the consumer's specification alone, without looking at the SQL. reference_text.py has the text
rules. Rows are dicts in the tables' column order, without ``id`` and ``created_at``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .reference_text import amount, format_phone, plain_text, tidy

Record = Mapping[str, Any]
Row = dict[str, Any]
Records = Mapping[str, Sequence[Record]]
"""Entity -> its records, including inactive but not deleted ones. An entity may be missing."""

PHONE_TYPES = ("Phone", "MobilePhone")


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the registry says about a tenant."""

    key: str
    company_code: str | None
    trade: str | None
    timezone: str


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of one tenant, in any order. ``rejected`` has tenant, report, source_id, reason."""

    invoices: list[Row]
    members: list[Row]
    rejected: list[Row]


def report(tenant: Tenant, records: Records) -> Report:
    """Everything the three legacy tables have for one tenant."""
    result = Report([], [], [])
    phones = _phones(records.get("crm_customer_contacts", ()))
    for source_id, row in _invoice_rows(tenant, records, phones):
        _file(row, "invoices", source_id, result.invoices, result.rejected)
    for source_id, row in _member_rows(tenant, records, phones):
        _file(row, "members", source_id, result.members, result.rejected)
    return result


def _invoice_rows(
    tenant: Tenant, records: Records, phones: Mapping[int | None, list[str]]
) -> Iterable[tuple[str, Row]]:
    customer_names = {c["id"]: c.get("name") for c in records.get("crm_customers", ())}
    starts = _first_starts(records.get("jpm_appointments", ()))
    for invoice in records.get("accounting_invoices", ()):
        if not _is_active(invoice):
            continue
        customer = invoice.get("customer") or {}
        job = invoice.get("job") or {}
        name = tidy(customer.get("name")) or tidy(customer_names.get(customer.get("id")))
        address = invoice.get("locationAddress") or {}
        if tidy(address.get("street")) is None:
            address = invoice.get("customerAddress") or {}
        summary = plain_text(invoice.get("summary")) or "Imported Invoice"
        yield (
            str(invoice["id"]),
            {
                **_tenant_columns(tenant),
                "invoice_number": tidy(invoice.get("referenceNumber")) or str(invoice["id"]),
                "invoice_summary": summary,
                "job_number": tidy(job.get("number")),
                "job_type": tidy(job.get("type")),
                "customer_id": None if customer.get("id") is None else str(customer["id"]),
                **_name_columns(name),
                **_phone_columns(phones.get(customer.get("id"), [])),
                "zone": tidy((invoice.get("businessUnit") or {}).get("name")),
                **_address_columns(address),
                "total": amount(invoice.get("total")),
                "first_appointment": _first_appointment(tenant, starts.get(job.get("id")), invoice.get("invoiceDate")),
                "summary": summary,
                "processed": False,
                "hub_plus_import_id": None,
            },
        )


def _member_rows(tenant: Tenant, records: Records, phones: Mapping[int | None, list[str]]) -> Iterable[tuple[str, Row]]:
    type_names = {t["id"]: t.get("name") for t in records.get("memberships_membership_types", ())}
    memberships: dict[int, list[Record]] = {}
    for membership in filter(_is_active, records.get("memberships_memberships", ())):
        customer = membership.get("customerId")
        if customer is not None:
            memberships.setdefault(customer, []).append(membership)
    for customer in filter(_is_active, records.get("crm_customers", ())):
        for membership in memberships.get(customer["id"], [{}]):
            status = tidy(membership.get("status"))
            yield (
                str(customer["id"]),
                {
                    **_tenant_columns(tenant),
                    "active_member": "Yes" if (status or "").lower() == "active" else None,
                    "membership_type": tidy(type_names.get(membership.get("membershipTypeId"))),
                    "current_status": status,
                    "customer_id": str(customer["id"]),
                    **_name_columns(tidy(customer.get("name"))),
                    **_phone_columns(phones.get(customer["id"], [])),
                    **_address_columns(customer.get("address") or {}),
                    "processed": False,
                    "version": None,
                    "hub_plus_import_id": None,
                },
            )


def _file(row: Row, kind: str, source_id: str, accepted: list[Row], rejected: list[Row]) -> None:
    needed = {
        "street": "Street is Empty",
        "city": "City is Empty",
        "state": "State is Empty",
        "zip": "Zip Code is Empty",
        "total": "Invoice Amount is Invalid",
        "customer_name": "Customer Name is Empty",
    }
    reasons = [reason for column, reason in needed.items() if column in row and row[column] is None]
    if reasons:
        reason = ", ".join(reasons)
        rejected.append({"tenant": row["tenant"], "report": kind, "source_id": source_id, "reason": reason})
    else:
        accepted.append(row)


def _is_active(record: Record) -> bool:
    return record.get("active") is not False


def _tenant_columns(tenant: Tenant) -> Row:
    return {
        "tenant": tidy(tenant.company_code) or tenant.key,
        "trade": tidy(tenant.trade),
        "software": "ServiceTitan",
    }


def _name_columns(name: str | None) -> Row:
    words = (name or "").split(" ")
    return {
        "customer_first_name": words[0] or None,
        "customer_last_name": words[1] if len(words) > 1 else None,
        "customer_name": name,
    }


def _phones(contacts: Iterable[Record]) -> dict[int | None, list[str]]:
    """Customer -> formatted phones by contact id, without duplicates."""
    phones: dict[int | None, list[str]] = {}
    for contact in sorted(contacts, key=lambda contact: contact["id"]):
        phone, customer = format_phone(contact.get("value")), contact.get("customerId")
        if phone is None or customer is None or not _is_active(contact) or contact.get("type") not in PHONE_TYPES:
            continue
        known = phones.setdefault(customer, [])
        if phone not in known:
            known.append(phone)
    return phones


def _phone_columns(phones: Sequence[str]) -> Row:
    return {
        "customer_phone_numbers": ", ".join(phones) or None,
        "customer_phone_number_primary": phones[0] if phones else None,
    }


def _address_columns(address: Record) -> Row:
    columns = {part: tidy(address.get(part)) for part in ("street", "unit", "city", "state", "zip", "country")}
    return {**columns, "country": columns["country"] or "US"}


def _first_starts(appointments: Iterable[Record]) -> dict[int | None, datetime]:
    """Job -> start of its earliest active appointment; year 1 means none."""
    starts: dict[int | None, datetime] = {}
    for appointment in filter(_is_active, appointments):
        start, job = _instant(appointment.get("start")), appointment.get("jobId")
        if start is not None and start.year > 1 and job is not None:
            starts[job] = min(start, starts.get(job, start))
    return starts


def _instant(text: str | None) -> datetime | None:
    """An instant; the API's are in UTC, even without a zone. Digits after the sixth are cut."""
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _first_appointment(tenant: Tenant, start: datetime | None, invoice_date: str | None) -> str | None:
    if start is not None:
        return start.astimezone(ZoneInfo(tenant.timezone)).strftime("%Y-%m-%d %H:%M:%S")
    return f"{invoice_date[:10]} 00:00:00" if invoice_date else None
