"""Names, addresses, phone numbers and texts as people type them into ServiceTitan. Pure functions of a Random.

Records are in the other modules (crm.py and so on); awkwardness.py changes them.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

FIRST = (
    "Mary", "John", "Linda", "José", "Anaïs", "Søren", "Zoë", "Priya", "Wei", "Fatima", "Karl", "Ruth", "Dwayne",
    "Mary Ann", "Łukasz", "Nguyễn", "Óscar", "Beth", "Tom", "Grace", "Hank", "Ines", "Jürgen", "Kiki", "Leo",
)  # fmt: skip
LAST = (
    "Smith", "O'Neil", "García", "Müller", "D’Angelo", "van der Berg", "Nguyen", "Johnson", "Baker", "Krüger", "Lee",
    "Patel", "Okafor", "Sánchez-Ruiz", "Brown", "Wójcik", "Ng", "MacDonald", "Fischer", "Çelik", "Rossi", "Dubois",
)  # fmt: skip
_TRADES = (
    "Properties LLC",
    "Apartments",
    "Church & School",
    "Diner",
    "Dental, P.A.",
    "Auto Body",
    "HOA",
    "Brewing Co.",
)
_STREETS = (
    "Main St", "Oak Ave", "Barton Springs Rd", "Calle Ocho", "FM 1626", "N Lamar Blvd", "Cypress Creek Pkwy",
    "Martin Luther King Jr Dr", "St. Elmo's Ct", "Rue de l'Église", "Highway 290 W", "Pecan Ln",
)  # fmt: skip
CITIES = (
    ("Austin", "TX", "78704"), ("Round Rock", "TX", "78664"), ("San Antonio", "TX", "78205"), ("Boise", "ID", "83702"),
    ("Phoenix", "AZ", "85004"), ("Coeur d'Alene", "ID", "83814"), ("New York", "NY", "10001-2204"),
    ("Saint Paul", "MN", "55101"), ("Agoura Hills", "CA", "91301"), ("Boston", "MA", "02108"),
)  # fmt: skip
_WORK = (
    "<p>Replaced 40&nbsp;gal water heater &amp; flushed lines.</p><ul><li>T&amp;P valve</li><li>Pan</li></ul>",
    "No cool. Low side 58 psi, target &lt; 70. <b>Added 1.5 lb R-410A</b><br/>Customer informed.",
    "Main line backed up &#8212; cabled 75&#39; from clean-out.<br>Recommend camera.",
    "<div>Tune-up: 5 &lt; 7 checks passed</div><div>Filter 16x25x1 replaced</div>",
    "Panel upgrade 100A &rarr; 200A.  Permit #E-2231  pulled.",
    "<p>Fuite sous l’évier réparée ✅</p>\r\n<p>&nbsp;</p>",
    "Annual maintenance",
    "Diagnostic only, customer declined repair. <!-- imported --> Quote: $1,250 &lt;see attached&gt;",
    "Tankless descale\n\nGate code 4412, dog in yard 🐕",
)
_NOTES = ("Owner's daughter - Kelly", "work #", "call first", "après 18h", "do not text", "tenant", "billing")


class Street(NamedTuple):
    """One address, with the parts of every address object in the API; any part may be missing."""

    street: str | None
    unit: str | None
    city: str | None
    state: str | None
    zip: str | None
    country: str | None


def pick(rng: Random, choices: tuple[str, ...]) -> str:
    """One of the choices. Several times faster than Random.choice, which matters at 300,000 invoices."""
    return choices[int(rng.random() * len(choices))]


def person(rng: Random) -> tuple[str, str]:
    """A first and a last name."""
    return pick(rng, FIRST), pick(rng, LAST)


def customer_name(rng: Random) -> str:
    """A tidy customer name: a person's or, sometimes, a company's."""
    first, last = person(rng)
    if rng.random() < 0.12:
        return f"{last} {pick(rng, _TRADES)}"
    return f"{first} {last}"


def untidy(rng: Random, name: str) -> str | None:
    """The same name with untidy input: emoji, no-break spaces, double spaces, one word, or nothing."""
    first = name.split(" ")[0]
    point = rng.random()
    if point < 0.04:
        return None if point < 0.02 else ""
    return (
        f"{name} 🔧", name.replace(" ", "\u00a0", 1), name.replace(" ", "  "), f" {name} ", first, f"\u2003{name}\t",
        f"{name} (DO NOT SERVICE!)", name.upper(), f'{name} "Bud" Jr.', f"👩‍🔧 {name}",
    )[int(point * 10)]  # fmt: skip


def address(rng: Random) -> Street:
    """A complete address."""
    city, state, zip_code = CITIES[int(rng.random() * len(CITIES))]
    number = int(rng.random() * 9_900) + 100
    unit = f"#{int(rng.random() * 90) + 1}" if rng.random() < 0.15 else None
    return Street(f"{number} {pick(rng, _STREETS)}", unit, city, state, zip_code, "USA" if number % 3 else "US")


def incomplete(rng: Random, whole: Street) -> Street:
    """The address with one part missing, as null or as an empty string."""
    part = ("street", "city", "state", "zip", "country", "street")[int(rng.random() * 6)]
    return whole._replace(**{part: None if rng.random() < 0.6 else ("" if rng.random() < 0.7 else " ")})


def phone(rng: Random, *, tidy: bool = False) -> str:
    """A phone number: ten digits, or another common way to write one."""
    area, middle, line = 200 + int(rng.random() * 799), 200 + int(rng.random() * 799), int(rng.random() * 10_000)
    plain = f"{area}{middle}{line:04}"
    if tidy or rng.random() < 0.5:
        return plain
    return (
        f"1{plain}", f"({area}) {middle}-{line:04}", f"{area}.{middle}.{line:04}", f"{area}-{middle}-{line:04}",
        f"+1 {area} {middle} {line:04}", f"{area}-{middle}-{line:04} x{line % 90 + 10}", f"{middle}-{line:04}",
        "CALL MOM", "", f" {plain} ", f"{area}\u00a0{middle}\u00a0{line:04}", f"{plain} ext. 3",
    )[int(rng.random() * 12)]  # fmt: skip


def email(rng: Random) -> str:
    """An email address that cannot exist."""
    return f"{pick(rng, FIRST).split()[0].lower()}.{int(rng.random() * 9_999)}@example.invalid"


def work(rng: Random) -> str:
    """A description of work: HTML with tags, entities and stray whitespace."""
    return pick(rng, _WORK)


def note(rng: Random) -> str:
    """A short remark."""
    return pick(rng, _NOTES)
