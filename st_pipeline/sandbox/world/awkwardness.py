"""What the real API sends against its own documents: nulls, unknown enum values, new and missing fields.

Only spoiling of finished records lives here, at the rates of ordinary life. What the documents forbid outright and
no reader can type is defects.py, which is switched on as a fault.
"""

from __future__ import annotations

from random import Random
from typing import Any

# Members that the documents require and that come as null now and then, by entity.
_NULLABLE: dict[str, tuple[str, ...]] = {
    "crm_customers": ("type", "externalData", "customFields", "tagTypeIds", "doNotMail"),
    "crm_locations": ("externalData", "customFields", "tagTypeIds"),
    "crm_customer_contacts": ("type", "phoneSettings", "preferences", "active"),
    "crm_location_contacts": ("type", "phoneSettings", "preferences"),
    "jpm_jobs": ("customFields", "externalData", "priority", "campaignId", "total"),
    "jpm_appointments": ("isConfirmed", "createdById", "end"),
    "jpm_job_types": ("skills", "externalData"),
    "accounting_invoices": ("sentStatus", "reviewStatus", "invoiceConfiguration", "active"),
    "accounting_payments": ("appliedTo", "customFields"),
    "memberships_memberships": ("customFields", "followUpStatus"),
}
# Members with a closed list of values in the documents, and a value that is not in it.
_UNKNOWN: dict[str, tuple[str, str]] = {
    "crm_customers": ("type", "Government"),
    "crm_customer_contacts": ("type", "Pager"),
    "crm_location_contacts": ("type", "Pager"),
    "accounting_invoices": ("reviewStatus", "AutoReviewed"),
    "jpm_appointments": ("status", "EnRoute"),
    "memberships_memberships": ("status", "Paused"),
}
# Members that may be left out altogether.
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "crm_customers": ("creditLimit", "creditLimitBalance", "paymentTermId", "mergedToId"),
    "crm_locations": ("taxZoneId", "zoneId"),
    "crm_customer_contacts": ("memo", "preferences"),
    "accounting_invoices": ("royalty", "employeeInfo", "assignedTo", "budgetCodeId", "customFields", "projectId"),
    "accounting_payments": ("deposit", "refundedPaymentId"),
    "jpm_jobs": ("isAutoDispatched", "summaryOfWork", "recallForId"),
    "settings_technicians": ("bio", "memo"),
}
# Members that are objects, into which a new field is put now and then.
_NESTED = ("address", "customer", "businessUnit", "phoneSettings", "home")


def spoil(entity: str, record: dict[str, Any], rng: Random) -> None:
    """Change a record in place, about one in twelve; its id, links, amounts and times are left alone."""
    point = rng.random()
    if point > 0.085:
        return
    if point < 0.025:
        names = _NULLABLE.get(entity)
        if names:
            record[names[int(rng.random() * len(names))]] = None
    elif point < 0.040:
        unknown = _UNKNOWN.get(entity)
        if unknown:
            record[unknown[0]] = unknown[1]
    elif point < 0.055:
        names = _OPTIONAL.get(entity)
        if names:
            record.pop(names[int(rng.random() * len(names))], None)
    elif point < 0.070:
        _append(record, "loyaltyTier", ("gold", None, {"level": 3, "since": "2024-02-30"})[int(rng.random() * 3)])
    else:
        for name in _NESTED:
            if isinstance(record.get(name), dict):
                record[name] = {**record[name], "geoHash": "9v6kp"}
                break


def _append(record: dict[str, Any], name: str, value: Any) -> None:
    """A new member before the last one, so that ``active`` stays last where lists leave it out."""
    last = next(reversed(record))
    kept = record.pop(last)
    record[name] = value
    record[last] = kept
