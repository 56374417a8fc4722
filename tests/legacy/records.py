"""Awkward records of one tenant, as the API would send them: the cases that the legacy rules were written for.

The same seed always gives the same records. Ids start at 1 in every tenant, so all tenants share ids.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.entities import html5
from typing import Any

WHITE_SPACE = [chr(code) for code in range(0x3001) if chr(code).isspace()]
NOT_QUITE_WHITE_SPACE = ["\u200b", "\ufeff", "\u2060", "\u180e"]
ODD = ["", "", " ", "\u00a0\u3000", "\x00", "\ud800", "\u200b"]
NAMES = [
    "Mary Ann O'Neil",
    "Smith",
    "José\u00a0Núñez",
    "  Ada\tLovelace  ",
    "李 雷",
    "Acme  Plumbing, LLC",
    "A\x00da B",
    "Æ",
]
STREETS = ["12 Main St", "1600\u2003Pennsylvania Ave", " 7  Rue de l'Église ", "Apt\r\n4", "PO Box 9"]
CITIES = ["Austin", "San  Antonio", "Québec", " Phoenix "]
STATES = ["TX", "AZ", " CA", "QC"]
ZIPS = ["78701", "78701-1234", "K1A 0B1", " 02134"]
COUNTRIES = ["US", "USA", "Canada", " "]
PHONES = [
    "5125550100", "(512) 555-0100", "1-512-555-0100", "+1 512.555.0101", "512/555/0102", "2-512-555-0100",
    "555-0100", "CALL MOM", "512-555-0100 x12", "512\u00a0555\u00a00103", "٥١٢٥٥٥٠١٠٠", "512–555–0100", " ",
    "15125550100", "0015125550100",
]  # fmt: skip
PHONE_TYPES = ["Phone", "Phone", "Phone", "MobilePhone", "MobilePhone", "Fax", "Email", "phone", "Pager", None]
TOTALS = [
    "95.00",
    "0",
    "-12.30",
    "0.1",
    "1234567.89",
    "95.005",
    95,
    12.5,
    "3e2",
    "n/a",
    "",
    None,
    "NaN",
    "1e400",
    "1e-400",
]
STATUSES = [
    "Active",
    "ACTIVE",
    " active ",
    "Expired",
    "Suspended",
    "Canceled",
    "ACTİVE",
    "ACTIVE\u00a0",
    "Unheard of",
    None,
]
REFERENCES = ["INV-1", " 00012 ", "2024\u00a017", "X"]
TAGS = [
    "<p>", "</p>", "<br>", "<BR/>", "<Br />", "<b>", "</b>", "<div class='x'>", "<li>", "<h3>", "<h7>", "<header>",
    "<paragraph>", "<p\u00a0id=1>", '<a href="https://x/?a=1&amp;b=2">', '<a title="a > b">', "<a title='it's > fine'>",
    "<span don't>", "<!-- a <br> comment -->", "<!---->", "<!-- -- > -->", "<!-->", "<!DOCTYPE html>", "<?xml?>",
    "</ p>", "<o:p>", "<br", "<!-- never closed", '<a b= "c', "<<b>br>", "< b>", "<3", "5 < 7", "a<b", "x > y", "=",
    '"', "'", "-->", '<p="x>y">', "<I\u212a>",
]  # fmt: skip
CHARACTER_REFERENCES = [
    "&amp;lt;b&amp;gt;", "&nbsp;", "&#160;", "&#x2003;", "&#0;", "&#128;", "&#xD800;", "&#1;", "&amp", "&notit;",
    "&ampersand", "&#", "&;", "& ", "&#65", "&lt;b&gt;", "&unknown;", "&#10;", "&#x1F600;", "&#28;",
]  # fmt: skip
WORDS = ["Replaced", "capacitor", "on", "unit", "№", "5", "café", "日本語", "👩‍🔧", "é", "ok."]
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)

Record = dict[str, Any]


def make_records(seed: int, customers: int, invoices: int, *, with_memberships: bool = True) -> dict[str, list[Record]]:
    """Entity -> records: consistent where the API's are, and dangling, null or repeated where the API's may be."""
    rng = random.Random(seed)
    jobs = max(1, invoices * 9 // 10)
    records: dict[str, list[Record]] = {
        "crm_customers": [_customer(rng, n) for n in range(1, customers + 1)],
        "crm_customer_contacts": [_contact(rng, n, customers) for n in range(1, customers * 3 // 2 + 1)],
        "accounting_invoices": [_invoice(rng, n, customers, jobs) for n in range(1, invoices + 1)],
        "jpm_appointments": [_appointment(rng, n, jobs) for n in range(1, jobs * 3 // 2 + 1)],
    }
    if with_memberships:
        types = [
            {"id": n, "name": rng.choice(["Gold", " Silver  Plan", "Café", *ODD]), "active": _flag(rng)}
            for n in range(1, 7)
        ]
        records["memberships_membership_types"] = types
        records["memberships_memberships"] = [_membership(rng, n, customers) for n in range(1, customers * 2 // 3 + 1)]
    return records


def _customer(rng: random.Random, number: int) -> Record:
    customer = {"id": number, "name": _text(rng, NAMES), "active": _flag(rng), "address": _address(rng)}
    return _without_some(rng, customer)


def _contact(rng: random.Random, number: int, customers: int) -> Record:
    value = rng.choice(PHONES) if rng.random() < 0.7 else f"512555{rng.randrange(10_000):04}"
    return _without_some(
        rng,
        {
            "id": number,
            # Some belong to a customer missing from the export.
            "customerId": rng.randrange(1, customers + 20),
            "type": rng.choice(PHONE_TYPES),
            "value": rng.choice([value] * 9 + [None]),
            "active": _flag(rng),
            "phoneSettings": {"phoneNumber": "9995550199", "doNotText": True},
        },
    )


def _invoice(rng: random.Random, number: int, customers: int, jobs: int) -> Record:
    customer = {"id": rng.randrange(1, customers + 20), "name": _text(rng, NAMES)}
    job = {
        "id": rng.randrange(1, jobs + 20),
        "number": _text(rng, ["J-1", " 77 "]),
        "type": _text(rng, ["Tune up", "No\tHeat"]),
    }
    return _without_some(
        rng,
        {
            "id": number,
            "active": _flag(rng),
            "referenceNumber": _text(rng, REFERENCES),
            "summary": _html(rng),
            "customer": customer if rng.random() < 0.97 else {},
            "job": job,
            "businessUnit": {"id": 1, "name": _text(rng, ["HVAC  Service", "Plumbing"])},
            "locationAddress": _address(rng),
            "customerAddress": _address(rng),
            "total": rng.choice(TOTALS) if rng.random() < 0.3 else f"{rng.randrange(10**6) / 100:.2f}",
            "invoiceDate": _date(rng),
            "adjustmentToId": rng.choice([None, None, None, 1]),
        },
    )


def _appointment(rng: random.Random, number: int, jobs: int) -> Record:
    start = EPOCH + timedelta(seconds=rng.randrange(3 * 365 * 86_400))
    digits = rng.choice(["", ".5", ".9999999", ".8446003", ".000"])
    written = rng.choice(
        [f"{start:%Y-%m-%dT%H:%M:%S}{digits}Z"] * 12 + ["0001-01-01T00:00:00Z", "1899-12-30T00:00:00Z", None]
    )
    status = rng.choice(["Scheduled", "Canceled", "Done"])
    return _without_some(
        rng,
        {"id": number, "jobId": rng.randrange(1, jobs + 1), "start": written, "active": _flag(rng), "status": status},
    )


def _membership(rng: random.Random, number: int, customers: int) -> Record:
    return _without_some(
        rng,
        {
            "id": number,
            "customerId": rng.randrange(1, customers + 20),
            "membershipTypeId": rng.randrange(1, 9),
            "status": rng.choice(STATUSES),
            "active": _flag(rng),
        },
    )


def _flag(rng: random.Random) -> bool | None:
    return rng.choice([True] * 7 + [False, None])


def _text(rng: random.Random, usual: Sequence[str]) -> str | None:
    if rng.random() < 0.07:
        return rng.choice([*ODD, None])
    text = rng.choice(usual)
    if rng.random() < 0.1:
        text = text.replace(" ", rng.choice(WHITE_SPACE) * 2) + rng.choice(WHITE_SPACE + NOT_QUITE_WHITE_SPACE)
    return text


def _address(rng: random.Random) -> Record | None:
    if rng.random() < 0.04:
        return None
    parts = {
        "street": STREETS,
        "unit": ["4", "B 2"],
        "city": CITIES,
        "state": STATES,
        "zip": ZIPS,
        "country": COUNTRIES,
    }
    return _without_some(rng, {part: _text(rng, usual) for part, usual in parts.items()})


def _date(rng: random.Random) -> str | None:
    day = EPOCH + timedelta(days=rng.randrange(3 * 365))
    return rng.choice([f"{day:%Y-%m-%d}T00:00:00Z"] * 8 + [f"{day:%Y-%m-%d}T23:30:00Z", None])


def _html(rng: random.Random) -> str | None:
    if rng.random() < 0.05:
        return rng.choice([None, "", "<p>&nbsp;</p>", "<br/>", "<!-- nothing -->", "\u00a0"])
    entities = ["&" + name for name in rng.sample(list(html5), 2)]
    parts = [
        rng.choice(rng.choice([WORDS, WORDS, TAGS, CHARACTER_REFERENCES, WHITE_SPACE, entities]))
        for _ in range(rng.randrange(1, 25))
    ]
    return rng.choice(["", " "]).join(parts)


def _without_some(rng: random.Random, record: Record) -> Record:
    """Sometimes a field is missing, as optional ones are."""
    return {name: value for name, value in record.items() if name == "id" or rng.random() > 0.01}
