"""From a plan to shelves: the function that writes each entity, and how a record becomes bytes.

The item export is taken from the invoices byte for byte, so nested and exported items always agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.shelf import Row
from st_pipeline.sandbox.world import accounting, awkwardness, company, crm, jobs, memberships, staff
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.crm import Made
from st_pipeline.sandbox.world.plan import Plan

Writer = Callable[[Plan, Random, range], Iterator[Made]]

# By entity: its writer, and the column of the plan that the writer runs over.
WRITERS: dict[str, tuple[Writer, str]] = {
    "settings_business_units": (company.business_units, "business_units"),
    "settings_employees": (staff.employees, "employees"),
    "settings_technicians": (staff.technicians, "technicians"),
    "settings_tag_types": (company.tag_types, "tag_types"),
    "marketing_campaigns": (company.campaigns, "campaigns"),
    "jpm_job_types": (company.job_types, "job_types"),
    "memberships_membership_types": (memberships.membership_types, "membership_types"),
    "crm_customers": (crm.customers, "customers"),
    "crm_customer_contacts": (crm.customer_contacts, "customers"),
    "memberships_memberships": (memberships.memberships, "customers"),
    "crm_locations": (crm.locations, "locations"),
    "crm_location_contacts": (crm.location_contacts, "locations"),
    "jpm_jobs": (jobs.jobs, "visits"),
    "jpm_appointments": (jobs.appointments, "visits"),
    "accounting_invoices": (accounting.invoices, "visits"),
    "accounting_payments": (accounting.payments, "visits"),
}
ITEMS = "accounting_invoice_items"

_encoder = msgspec.json.Encoder(decimal_format="number")


class _Item(msgspec.Struct):
    id: int
    createdOn: str
    modifiedOn: str


class _Invoice(msgspec.Struct):
    id: int
    active: bool | None = None
    items: list[msgspec.Raw] | None = None


_item_decoder = msgspec.json.Decoder(_Item)
_invoice_decoder = msgspec.json.Decoder(_Invoice)


def encode(record: dict[str, Any]) -> bytes:
    """A record's JSON; Decimals become numbers with all their digits."""
    return _encoder.encode(record)


def decode(body: bytes) -> Any:
    """A record from its JSON; ValueError if it is invalid.

    The fast decoder rejects lone surrogates, which JSON allows and a test may commit; the slow decoder reads those.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return json.loads(body)


def column_length(plan: Plan, column: str) -> int:
    """The number of plan indexes that an entity's writer runs over."""
    fixed = {
        "business_units": plan.size.business_units,
        "technicians": plan.size.technicians,
        "employees": ids.EMPLOYEES,
        "tag_types": ids.TAG_TYPES,
        "campaigns": ids.CAMPAIGNS,
        "job_types": ids.JOB_TYPES,
        "membership_types": ids.MEMBERSHIP_TYPES,
        "customers": plan.customers,
        "locations": len(plan.addresses),
        "visits": plan.visits,
    }
    return fixed[column]


def rows(plan: Plan, entity: str, rng: Random, indexes: range) -> Iterator[Row]:
    """An entity's records for a range of plan indexes, serialized."""
    writer, _ = WRITERS[entity]
    for record, created, modified in writer(plan, rng, indexes):
        if plan.awkward:
            awkwardness.spoil(entity, record, rng)
        if plan.size.sparse:
            record = _without_nulls(record)
        yield Row(record["id"], _encoder.encode(record), created, modified, record.get("active") is not False)


def _without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in record.items() if value is not None}
    if "items" in kept:
        kept["items"] = [_without_nulls(item) for item in kept["items"]]
    return kept


def item_rows(invoices: Iterator[bytes]) -> Iterator[Row]:
    """The records of the item export for the given invoices (JSON)."""
    for body in invoices:
        invoice = _invoice_decoder.decode(body)
        active = invoice.active is not False
        tail = b',"active":%s,"invoiceId":%d}' % (b"true" if active else b"false", invoice.id)
        for raw in invoice.items or ():
            item = _item_decoder.decode(raw)
            created, modified = instants.parse(item.createdOn), instants.parse(item.modifiedOn)
            yield Row(item.id, bytes(raw)[:-1] + tail, created or 0, modified or 0, active)
