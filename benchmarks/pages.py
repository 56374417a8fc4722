"""The data of the benchmark: pages of invoices and customers as the API would send them, and what they add up to.

The records are the sandbox's, without its edge cases. server.py serves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from st_pipeline.sandbox import Account, Size, World
from st_pipeline.sandbox.faults import Faults
from st_pipeline.sandbox.state import State

TENANT_ID = 1001
CLIENT_ID = "cid.benchmark"
CLIENT_SECRET = "cs1.benchmark"
APP_KEY = "ak1.benchmark"

PAGE_RECORDS = 1_000
# Members that the API may leave out; without them an invoice with two items has a typical 2 KB.
_LEFT_OUT_OF_ITEMS = ("generalLedgerAccount", "businessUnit", "createdOn", "memberPrice", "soldHours", "displayName")


@dataclass(frozen=True, slots=True)
class Expected:
    """What complete tables contain."""

    invoices: int
    invoice_total: Decimal
    items: int
    item_total: Decimal
    customers: int
    customer_balance: Decimal

    @property
    def records(self) -> int:
        """Records of both entities; rates are in these."""
        return self.invoices + self.customers


@dataclass(frozen=True, slots=True)
class Pages:
    """Prepared bodies by entity, in order."""

    bodies: dict[str, list[bytes]]
    expected: Expected


def prepare(invoices: int, customers: int) -> Pages:
    """The pages of both exports, serialized."""
    size = Size(customers=customers, invoices=invoices, items_per_invoice=2, awkward=False, sparse=True)
    account = Account(TENANT_ID, CLIENT_ID, CLIENT_SECRET, APP_KEY, size=size)
    world = State([account], Faults(), PAGE_RECORDS, None).world(TENANT_ID)
    invoice_records = [_trimmed(record) for record in _records(world, "accounting_invoices")]
    customer_records = list(_records(world, "crm_customers"))
    items = [item for invoice in invoice_records for item in invoice["items"]]
    expected = Expected(
        invoices=len(invoice_records),
        invoice_total=_sum(invoice["total"] for invoice in invoice_records),
        items=len(items),
        item_total=_sum(item["total"] for item in items),
        customers=len(customer_records),
        customer_balance=_sum(customer["balance"] for customer in customer_records),
    )
    bodies = {
        "accounting/v2/tenant/1001/export/invoices": list(_pages(invoice_records)),
        "crm/v2/tenant/1001/export/customers": list(_pages(customer_records)),
    }
    return Pages(bodies, expected)


def _records(world: World, entity: str) -> Iterator[dict[str, Any]]:
    shelf = world.shelf(entity)
    for slot in shelf.order:
        yield msgspec.json.decode(shelf.bodies[slot])


def _trimmed(invoice: dict[str, Any]) -> dict[str, Any]:
    for item in invoice["items"]:
        for name in _LEFT_OUT_OF_ITEMS:
            item.pop(name, None)
    return invoice


def _sum(amounts: Iterable[Any]) -> Decimal:
    return sum((Decimal(str(amount)) for amount in amounts), Decimal(0))


def _pages(records: list[dict[str, Any]]) -> Iterator[bytes]:
    pages = [records[start : start + PAGE_RECORDS] for start in range(0, len(records), PAGE_RECORDS)]
    for number, page in enumerate(pages, start=1):
        has_more = number < len(pages)
        # Tokens like the API's: opaque, with characters that must be escaped in a URL.
        yield msgspec.json.encode({"hasMore": has_more, "continueFrom": f"{number}+/=", "data": page})
