"""Customers, locations and their contacts, as the exports write them (Crm.V2.Export… schemas)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import text
from st_pipeline.sandbox.world import people
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.plan import Plan

Made = tuple[dict[str, Any], int, int]  # a record, when it was created and when modified (ticks)

_TYPES = ("Phone", "Phone", "MobilePhone", "MobilePhone", "Email", "Email", "Fax")


def _address(address: people.Street, rng: Random) -> dict[str, Any]:
    located = rng.random() < 0.7
    return {
        **address._asdict(),
        "latitude": round(30 + rng.random(), 6) if located else None,
        "longitude": round(-97 - rng.random(), 6) if located else None,
    }


def _labels(rng: Random) -> tuple[list[dict[str, Any]], list[int], list[dict[str, str]]]:
    point = rng.random()
    fields = [{"typeId": 77, "name": "Referred by", "value": None if point < 0.05 else "a neighbor"}]
    tags = [ids.TAG_TYPE + int(point * ids.TAG_TYPES)]
    external = [{"key": "crm-id", "value": f"A-{int(point * 1e6)}"}]
    return fields if point < 0.3 else [], tags if point < 0.4 else [], external if point < 0.1 else []


def customers(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """One record per customer, including inactive and merged ones."""
    for i in indexes:
        created, modified = plan.customer_created[i], plan.customer_modified[i]
        fields, tags, external = _labels(rng)
        merged = plan.merged_to[i]
        credit = rng.random() < 0.2
        yield (
            {
                "id": ids.CUSTOMER + i,
                "active": bool(plan.customer_active[i]),
                "name": plan.names[i],
                "type": "Commercial" if rng.random() < 0.2 else "Residential",
                "address": _address(plan.addresses[plan.home[i]], rng),
                "customFields": fields,
                "balance": round((rng.random() - 0.1) * 900, 2) if rng.random() < 0.3 else 0,
                "taxExempt": rng.random() < 0.05,
                "tagTypeIds": tags,
                "doNotMail": rng.random() < 0.1,
                "doNotService": rng.random() < 0.02,
                "nationalAccount": False,
                "createdOn": text(created),
                "createdById": ids.EMPLOYEE + i % ids.EMPLOYEES,
                "modifiedOn": text(modified),
                "mergedToId": ids.CUSTOMER + merged if merged >= 0 else None,
                "paymentTermId": 3 if credit else None,
                "creditLimit": 5000.0 if credit else None,
                "creditLimitBalance": 4210.55 if credit else None,
                "externalData": external,
            },
            created,
            modified,
        )


def locations(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """One record per location; a customer's first location is its home and has the customer's address."""
    for i in indexes:
        customer = plan.location_customer[i]
        created = plan.customer_created[customer]
        modified = plan.later(rng, created)
        fields, tags, external = _labels(rng)
        yield (
            {
                "taxZoneId": 9 if rng.random() < 0.4 else None,
                "id": ids.LOCATION + i,
                "customerId": ids.CUSTOMER + customer,
                "active": bool(plan.customer_active[customer]) and rng.random() > 0.03,
                "name": plan.names[customer] if i == plan.home[customer] else f"Rental {i % 40}",
                "address": _address(plan.addresses[i], rng),
                "customFields": fields,
                "createdOn": text(created),
                "createdById": ids.EMPLOYEE + i % ids.EMPLOYEES,
                "modifiedOn": text(modified),
                "mergedToId": None,
                "zoneId": 21 + i % 4 if rng.random() < 0.5 else None,
                "taxExempt": False,
                "tagTypeIds": tags,
                "externalData": external,
            },
            created,
            modified,
        )


def _contact(plan: Plan, rng: Random, record_id: int, created: int) -> tuple[dict[str, Any], int]:
    kind = people.pick(rng, _TYPES)
    value = people.email(rng) if kind == "Email" else people.phone(rng, tidy=not plan.awkward)
    modified = plan.later(rng, created)
    consent = rng.random() < 0.5
    return {
        "id": record_id,
        "type": kind,
        "value": value,
        "memo": people.note(rng) if rng.random() < 0.2 else None,
        "phoneSettings": {"phoneNumber": value if kind != "Email" else "", "doNotText": not consent},
        "modifiedOn": text(modified),
        "createdOn": text(created),
        "preferences": {
            "jobRemindersEnabled": consent,
            "marketingUpdatesEnabled": False,
            "invoiceStatementNotification": consent,
            "invoiceNotification": consent,
            "statementNotification": consent,
        },
    }, modified


def customer_contacts(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """0 to 4 contacts per customer; some are inactive, and some repeat a number."""
    for i in indexes:
        created = plan.customer_created[i]
        before: str | None = None
        for k in range(plan.contacts[i]):
            record, modified = _contact(
                plan, rng, ids.CONTACT + i * ids.CONTACT_SLOTS + k, created + k * instants.SECOND
            )
            if before is not None and record["type"] != "Email" and rng.random() < 0.08:
                record["value"] = before
            before = record["value"] if record["type"] != "Email" else before
            record["customerId"] = ids.CUSTOMER + i
            record["active"] = rng.random() > 0.07
            yield record, created + k * instants.SECOND, modified


def location_contacts(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """A contact for every other location."""
    for i in indexes:
        if i % 2:
            continue
        created = plan.customer_created[plan.location_customer[i]]
        record, modified = _contact(plan, rng, ids.LOCATION_CONTACT + i, created)
        record["locationId"] = ids.LOCATION + i
        record["active"] = rng.random() > 0.07
        yield record, created, modified
