"""What the real API sends against its own documents: nulls, unknown enum values, new and missing fields.

This module changes finished records, at realistic rates. defects.py has the fault that makes records untypable.
"""

from __future__ import annotations

from random import Random
from typing import Any

# Members the documents require that are sometimes null, by entity.
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
# Members with a closed set of values in the documents, and a value outside that set.
_UNKNOWN: dict[str, tuple[str, str]] = {
    "crm_customers": ("type", "Government"),
    "crm_customer_contacts": ("type", "Pager"),
    "crm_location_contacts": ("type", "Pager"),
    "accounting_invoices": ("reviewStatus", "AutoReviewed"),
    "jpm_appointments": ("status", "EnRoute"),
    "memberships_memberships": ("status", "Paused"),
}
# Members that may be absent.
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "crm_customers": ("creditLimit", "creditLimitBalance", "paymentTermId", "mergedToId"),
    "crm_locations": ("taxZoneId", "zoneId"),
    "crm_customer_contacts": ("memo", "preferences"),
    "accounting_invoices": ("royalty", "employeeInfo", "assignedTo", "budgetCodeId", "customFields", "projectId"),
    "accounting_payments": ("deposit", "refundedPaymentId"),
    "jpm_jobs": ("isAutoDispatched", "summaryOfWork", "recallForId"),
    "settings_technicians": ("bio", "memo"),
}
# Members that are objects and sometimes get a new field.
_NESTED = ("address", "customer", "businessUnit", "phoneSettings", "home")


def spoil(entity: str, record: dict[str, Any], rng: Random) -> None:
    """Change about one record in twelve, in place. Id, links, amounts and times stay the same."""
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
    """Insert a new member before the last one: ``active`` must stay last because lists cut it off."""
    last = next(reversed(record))
    kept = record.pop(last)
    record[name] = value
    record[last] = kept
