"""The awkward cases of the real API occur in a tenant of ordinary size, and none of them if ``awkward`` is off."""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from st_pipeline.sandbox import Account, Sandbox, Size, World
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.world.awkwardness import spoil
from tests.sandbox.conftest import NOW

ACCOUNT = Account(1, "c", "s", "k", size=Size(customers=3_000, invoices=3_000))
TIDY = dataclasses.replace(ACCOUNT, tenant_id=2, client_id="d", size=dataclasses.replace(ACCOUNT.size, awkward=False))

CASES: list[tuple[str, str, Callable[[Any], bool]]] = [
    ("a null type", "crm_customers", lambda r: r["type"] is None),
    ("an unknown type", "crm_customers", lambda r: r["type"] == "Government"),
    ("null external data", "crm_customers", lambda r: r["externalData"] is None),
    ("a null country", "crm_customers", lambda r: r["address"]["country"] is None),
    ("no street", "crm_customers", lambda r: not r["address"]["street"]),
    ("an empty city", "crm_customers", lambda r: r["address"]["city"] == ""),
    ("a null state", "crm_customers", lambda r: r["address"]["state"] is None),
    ("no zip", "crm_customers", lambda r: not r["address"]["zip"]),
    ("a new field at the top", "crm_customers", lambda r: "loyaltyTier" in r),
    ("a new field in an object", "crm_customers", lambda r: "geoHash" in r["address"]),
    ("a missing member", "crm_customers", lambda r: "creditLimit" not in r),
    ("no name", "crm_customers", lambda r: not r["name"]),
    ("an emoji", "crm_customers", lambda r: "🔧" in (r["name"] or "")),
    ("a no-break space", "crm_customers", lambda r: "\u00a0" in (r["name"] or "")),
    ("a double space", "crm_customers", lambda r: "  " in (r["name"] or "")),
    ("one word", "crm_customers", lambda r: bool(r["name"]) and len(r["name"].split()) == 1),
    ("a contact of null type", "crm_customer_contacts", lambda r: r["type"] is None),
    ("a contact of unknown type", "crm_customer_contacts", lambda r: r["type"] == "Pager"),
    ("a contact without phone settings", "crm_customer_contacts", lambda r: r["phoneSettings"] is None),
    ("a contact of null activity", "crm_customer_contacts", lambda r: r["active"] is None),
    ("an empty phone", "crm_customer_contacts", lambda r: r["value"] == ""),
    ("a phone of letters", "crm_customer_contacts", lambda r: r["value"] == "CALL MOM"),
    ("eleven digits", "crm_customer_contacts", lambda r: re.fullmatch(r"1\d{10}", r["value"]) is not None),
    ("an extension", "crm_customer_contacts", lambda r: " x" in r["value"]),
    ("dots", "crm_customer_contacts", lambda r: re.fullmatch(r"\d{3}\.\d{3}\.\d{4}", r["value"]) is not None),
    ("a start in year 1", "jpm_appointments", lambda r: r["start"] == "0001-01-01T00:00:00Z"),
    ("an unknown status", "jpm_appointments", lambda r: r["status"] == "EnRoute"),
    ("a null total", "accounting_invoices", lambda r: r["total"] is None),
    ("no location", "accounting_invoices", lambda r: r["location"] is None and r["locationAddress"] is None),
    ("no invoice date", "accounting_invoices", lambda r: r["invoiceDate"] is None),
    ("no number", "accounting_invoices", lambda r: not r["referenceNumber"]),
    ("no customer's name", "accounting_invoices", lambda r: not r["customer"]["name"]),
    ("an unknown review status", "accounting_invoices", lambda r: r["reviewStatus"] == "AutoReviewed"),
    ("a null activity", "accounting_invoices", lambda r: r["active"] is None),
    ("a null total", "jpm_jobs", lambda r: r["total"] is None),
    ("an unknown status", "memberships_memberships", lambda r: r["status"] == "Paused"),
]
ORDINARY: list[tuple[str, str, Callable[[Any], bool]]] = [
    ("a fax", "crm_customer_contacts", lambda r: r["type"] == "Fax"),
    ("a mobile phone", "crm_customer_contacts", lambda r: r["type"] == "MobilePhone"),
    ("an email", "crm_customer_contacts", lambda r: r["type"] == "Email"),
    ("an inactive contact", "crm_customer_contacts", lambda r: r["active"] is False),
    ("a merged customer", "crm_customers", lambda r: r["active"] is False and bool(r.get("mergedToId"))),
    ("an inactive customer", "crm_customers", lambda r: r["active"] is False and not r.get("mergedToId")),
    ("an apostrophe", "crm_customers", lambda r: "'" in (r["name"] or "")),
    ("a letter beyond ASCII", "crm_customers", lambda r: not (r["name"] or "").isascii()),
    ("an inactive invoice", "accounting_invoices", lambda r: r["active"] is False),
    ("a negative total", "accounting_invoices", lambda r: (r["total"] or "").startswith("-")),
    ("a zero total", "accounting_invoices", lambda r: (r["total"] or "x").strip("0.") == ""),
    ("four digits of cents", "accounting_invoices", lambda r: re.search(r"\.\d{4}$", r["total"] or "") is not None),
    ("an adjustment", "accounting_invoices", lambda r: bool(r["adjustmentToId"])),
    ("no job", "accounting_invoices", lambda r: r["job"] is None),
    ("an empty summary", "accounting_invoices", lambda r: not r["summary"]),
    ("HTML with entities", "accounting_invoices", lambda r: "&nbsp;" in (r["summary"] or "") and "<p>" in r["summary"]),
    (
        "a date without zone",
        "accounting_invoices",
        lambda r: bool((r.get("royalty") or {}).get("date", "Z")[-1] != "Z"),
    ),
    ("midnight of the invoice date", "accounting_invoices", lambda r: (r["invoiceDate"] or "").endswith("T00:00:00Z")),
    ("seven digits of fraction", "accounting_invoices", lambda r: len(r["modifiedOn"]) == 28),
    ("three digits of fraction", "accounting_invoices", lambda r: len(r["modifiedOn"]) == 24),
    ("an inactive appointment", "jpm_appointments", lambda r: r["active"] is False),
    ("a job without appointment", "jpm_jobs", lambda r: r["appointmentCount"] == 0),
    ("a completed job of total 0", "jpm_jobs", lambda r: r["jobStatus"] == "Completed" and r["total"] == 0),
    ("an inactive membership", "memberships_memberships", lambda r: r["active"] is False),
    ("a membership without end", "memberships_memberships", lambda r: r["to"] is None),
    ("an inactive type", "memberships_membership_types", lambda r: r["active"] is False),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([ACCOUNT, TIDY], now=NOW) as sandbox:
        yield sandbox


@cache
def decoded(world: World, name: str) -> list[dict[str, Any]]:
    return world.records(name)


@pytest.fixture(scope="module")
def world(sandbox: Sandbox) -> World:
    return sandbox.world(1)


@pytest.mark.parametrize(("case", "name", "occurs"), CASES + ORDINARY, ids=lambda v: v if isinstance(v, str) else "")
def test_a_case_occurs(world: World, case: str, name: str, occurs: Callable[[Any], bool]) -> None:
    count = sum(occurs(record) for record in decoded(world, name) if _complete(record))
    assert count > 0, case


def _complete(record: dict[str, Any]) -> bool:
    # Conditions read members directly, so skip records in which such a member is missing or null.
    needed = {"address": dict, "phoneSettings": dict}
    return all(isinstance(record.get(name, {}), kind) or record[name] is None for name, kind in needed.items())


@pytest.mark.parametrize(("case", "name", "occurs"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_data_that_is_not_awkward_never_violates_the_documents(
    sandbox: Sandbox, case: str, name: str, occurs: Callable[[Any], bool]
) -> None:
    assert [record for record in decoded(sandbox.world(2), name) if occurs(record)] == [], case


def test_many_records_share_one_modified_on_across_a_page(world: World) -> None:
    for name in ("crm_customers", "accounting_invoices", "jpm_jobs"):
        times = Counter(record["modifiedOn"] for record in world.records(name))
        assert times.most_common(1)[0][1] > 40


def test_awkward_records_of_every_entity_keep_their_ids(sandbox: Sandbox) -> None:
    rng = seeded("spoil")
    for one in entities():
        for record in sandbox.world(2).records(one.name)[:300]:
            record_id = record["id"]
            spoil(one.name, record, rng)
            assert record["id"] == record_id
            if one.hides_active:
                assert next(reversed(record)) == "active"


def test_items_carry_decimals_with_nineteen_digits(world: World) -> None:
    assert any(b'"soldHours":1.0000000000000000000' in body for body in world.served("accounting_invoice_items"))
