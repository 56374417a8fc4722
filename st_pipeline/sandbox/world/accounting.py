"""Invoices with their items, and payments, as the exports write them (Accounting.V2.Export… schemas).

Amounts are strings. The item export is taken from the invoices' own JSON (records.py), so the two always agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import date_text, text
from st_pipeline.sandbox.world import people
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.company import business_unit_name, job_type_name
from st_pipeline.sandbox.world.crm import Made
from st_pipeline.sandbox.world.jobs import job_number
from st_pipeline.sandbox.world.plan import Plan

_SKUS = ("Trip charge", "Water heater 40 gal", "R-410A, lb", "Drain cable 75'", "Labor – journeyman", "Filter 16x25x1")
_HOURS = (Decimal("1.0000000000000000000"), Decimal("0.25"), 2, Decimal("1.5"))
_LEDGER = {"id": 4000, "name": "Service Income", "number": "4000", "type": "Income", "detailType": None}


def money(cents: int, digits: int = 2) -> str:
    """An amount as accounting writes it: a string, with 2 digits or (Decimal in the database) 4."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02}" + "0" * (digits - 2)


def _items(plan: Plan, rng: Random, visit: int, unit: dict[str, Any]) -> list[dict[str, Any]]:
    count = plan.visit_items[visit]
    created, modified = text(plan.visit_created[visit]), text(plan.visit_modified[visit])
    left = plan.visit_cents[visit]
    items = []
    for k in range(count):
        cents = left if k == count - 1 else int(left * rng.random())
        left -= cents
        point = rng.random()
        sku = int(point * len(_SKUS))
        items.append(
            {
                "id": ids.ITEM + visit * ids.ITEM_SLOTS + k,
                "description": people.work(rng) if point < 0.3 else _SKUS[sku],
                "quantity": "1.00" if point < 0.8 else "1.0000",
                "cost": money(cents // 3),
                "totalCost": money(cents // 3),
                "budgetCodeId": None,
                "inventoryLocationId": None,
                "inventoryLocation": None,
                "price": money(cents),
                "type": ("Service", "Equipment", "Material", "Service", "Service", "Material")[sku],
                "skuName": f"SKU-{sku:03}",
                "skuId": 9_000 + sku,
                "total": money(cents),
                "inventory": False,
                "taxable": visit % 3 == 0,
                "isChargeable": True,
                "generalLedgerAccount": _LEDGER,
                "costOfSaleAccount": None,
                "assetAccount": None,
                "membershipTypeId": 0,
                "itemGroup": None,
                "displayName": _SKUS[sku],
                "soldHours": _HOURS[int(point * 4)],
                "createdOn": created,
                "modifiedOn": modified,
                "serviceDate": None,
                "order": k,
                "businessUnit": unit,
                "createdById": None,
                "displayInAmount": None,
                "importId": None,
                "exportId": None,
                "inventoryStatus": None,
                "addOn": False,
                "memberPrice": money(cents * 9 // 10),
                "technicianId": ids.TECHNICIAN + visit % plan.size.technicians,
                "installedEquipmentId": None,
                "estimateItemId": None,
            }
        )
    return items


def invoices(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """One record per visit that has an invoice, including inactive ones, adjustments, credits and zero totals."""
    awkward = plan.awkward
    for i in indexes:
        if not plan.has_invoice[i]:
            continue
        created, modified = plan.visit_created[i], plan.visit_modified[i]
        location = plan.visit_location[i]
        customer = plan.location_customer[location]
        unit = {"id": ids.BUSINESS_UNIT + plan.visit_unit[i], "name": business_unit_name(plan, plan.visit_unit[i])}
        point, odd = rng.random(), rng.random() if awkward else 1.0
        tax = plan.tax_cents(i)
        total = plan.visit_cents[i] + tax
        record: dict[str, Any] = {
            "summary": people.work(rng) if point < 0.8 else "" if point < 0.85 else None,
            "items": _items(plan, rng, i, unit),
            "customFields": [{"name": "PO", "value": f"PO-{i}"}] if point < 0.1 else None,
            "active": point < 0.95,
            "discountTotal": "0.00",
            "importId": None,
            "exportId": None,
            "materialSkuId": None,
            "membershipId": None,
            "paidOn": date_text(created + 5 * instants.DAY) if plan.has_payment[i] else None,
            "invoiceConfiguration": "JobInvoice" if plan.has_job[i] else "CounterSales",
            "id": ids.INVOICE + i,
            "syncStatus": "Pending" if point < 0.3 else "Posted" if point < 0.6 else "Exported",
            "budgetCodeId": None,
            "referenceNumber": job_number(i) if odd > 0.02 else (None if odd < 0.01 else ""),
            "invoiceDate": date_text(created) if odd < 0.98 or not awkward else None,
            "dueDate": date_text(created + 30 * instants.DAY),
            "subTotal": money(plan.visit_cents[i]),
            "salesTax": money(tax),
            "salesTaxCode": {"id": 5, "name": "TX 8.25", "taxRate": 0.0825} if tax else None,
            "taxZoneId": 9 if tax else None,
            "total": money(total, 4 if point < 0.1 else 2) if not 0.02 < odd < 0.025 else None,
            "balance": "0.00" if plan.has_payment[i] else money(total),
            "invoiceType": {"id": 1, "name": "Service"} if point < 0.5 else None,
            "customer": {"id": ids.CUSTOMER + customer, "name": plan.names[customer] if odd > 0.035 else None},
            "customerAddress": plan.addresses[plan.home[customer]]._asdict(),
            "location": {"id": ids.LOCATION + location, "name": plan.names[customer]},
            "locationAddress": plan.addresses[location]._asdict(),
            "businessUnit": unit,
            "termName": "Due Upon Receipt",
            "createdBy": "mary.ann",
            "batch": {"id": 7_000 + i // 500, "number": str(i // 500), "name": "Daily"} if point > 0.6 else None,
            "depositedOn": None,
            "createdOn": text(created),
            "modifiedOn": text(modified),
            "adjustmentToId": ids.INVOICE + i - 1 if point > 0.9 and i and plan.has_invoice[i - 1] else None,
            "job": _job(plan, i),
            "projectId": None,
            "royalty": {"status": "Pending", "date": date_text(created, zone=False), "sentOn": None, "memo": None},
            "employeeInfo": {"id": ids.EMPLOYEE + i % ids.EMPLOYEES, "name": "Mary Ann", "modifiedOn": text(created)},
            "commissionEligibilityDate": date_text(created, zone=False)[:10] if point < 0.4 else None,
            "sentStatus": "Sent" if point < 0.6 else "NotSent",
            "reviewStatus": "Reviewed" if point < 0.7 else "NeedsReview",
            "assignedTo": None,
        }
        if 0.04 < odd < 0.05:
            record["location"] = record["locationAddress"] = None
        elif 0.05 < odd < 0.055:
            record["locationAddress"] = {**record["locationAddress"], "street": ""}
        yield record, created, modified


def _job(plan: Plan, visit: int) -> dict[str, Any] | None:
    if not plan.has_job[visit]:
        return None
    return {"id": ids.JOB + visit, "number": job_number(visit), "type": job_type_name(plan.visit_job_type[visit])}


def payments(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """One payment per paid invoice, for the full total."""
    for i in indexes:
        if not plan.has_payment[i]:
            continue
        created = plan.visit_created[i] + 5 * instants.DAY
        if plan.visit_created[i] >= ids.HISTORY_TO:
            created = plan.visit_created[i]
        modified = plan.later(rng, created)
        customer = plan.customer_of(i)
        amount = money(plan.visit_cents[i] + plan.tax_cents(i))
        point = rng.random()
        kind = int(point * 4)
        yield (
            {
                "active": point < 0.97,
                "appliedTo": [
                    {
                        "appliedAmount": amount,
                        "appliedBy": "mary.ann",
                        "appliedId": 55_000_000 + i,
                        "appliedOn": text(created),
                        "appliedTo": ids.INVOICE + i,
                        "appliedToReferenceNumber": job_number(i),
                    }
                ],
                "authCode": None,
                "batch": None,
                "businessUnit": {
                    "id": ids.BUSINESS_UNIT + plan.visit_unit[i],
                    "name": business_unit_name(plan, plan.visit_unit[i]),
                },
                "checkNumber": str(1_000 + i % 8_999) if kind == 1 else None,
                "createdBy": "mary.ann",
                "createdOn": text(created),
                "customer": {"id": ids.CUSTOMER + customer, "name": plan.names[customer]},
                "customFields": [],
                "date": date_text(created),
                "deposit": {"id": 8_000 + i // 300, "name": "Deposit"} if point < 0.3 else None,
                "generalLedgerAccount": _LEDGER,
                "id": ids.PAYMENT + i,
                "memo": people.note(rng) if point < 0.1 else None,
                "modifiedOn": text(modified),
                "referenceNumber": f"P{i}",
                "refundedPaymentId": None,
                "syncStatus": "Posted",
                "total": amount,
                "type": ("Credit Card", "Check", "Cash", "ACH")[kind],
                "typeId": str(18 + kind),
                "unappliedAmount": "0.00",
            },
            created,
            modified,
        )
