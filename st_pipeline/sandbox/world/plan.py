"""The skeleton of one tenant's data: who belongs to whom, when, and for how much. Compact columns, no records.

Each entity's module writes its records from the plan (crm.py, jobs.py, accounting.py, memberships.py, company.py), so
references agree even though entities are generated separately. The plan can grow (changing.py).
"""

from __future__ import annotations

from array import array
from random import Random

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.account import Account
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world import people
from st_pipeline.sandbox.world.people import Street

HISTORY_FROM = instants.at(2019)
HISTORY_TO = instants.at(2025, 7)
# All modifications in the generated history are before this.
HISTORY_END = instants.at(2025, 12)
JOB_TYPES = 14
CAMPAIGNS = 9
MEMBERSHIP_TYPES = 6
TAG_TYPES = 10
EMPLOYEES = 9
ITEM_SLOTS = 8
APPOINTMENT_SLOTS = 4
CONTACT_SLOTS = 6

# Where each entity's ids start; the same in every tenant with the same seed.
CUSTOMER, LOCATION, JOB, INVOICE, PAYMENT = 10_000_000, 20_000_000, 30_000_000, 40_000_000, 50_000_000
APPOINTMENT, ITEM, CONTACT, LOCATION_CONTACT, MEMBERSHIP = 100_000_000, 300_000_000, 60_000_000, 70_000_000, 80_000_000
BUSINESS_UNIT, TECHNICIAN, EMPLOYEE, TAG_TYPE = 101, 201, 301, 401
JOB_TYPE, CAMPAIGN, MEMBERSHIP_TYPE = 501, 601, 701


class Plan:
    """Columns by customer, by location and by visit.

    A visit is a job, its invoice and its payment, any of which may be missing.
    """

    def __init__(self, account: Account) -> None:
        self.size = account.size
        self.tenant_id = account.tenant_id
        self.name = account.name or f"Sandbox {account.tenant_id}"
        self.awkward = account.size.awkward
        self.shape = seeded(account.seed, "shape")
        self.words = seeded(account.seed, account.tenant_id, "words")
        self._bulk = sorted(HISTORY_FROM + int(self.shape.random() * (HISTORY_TO - HISTORY_FROM)) for _ in range(3))

        self.names: list[str | None] = []
        self.customer_created = array("q")
        self.customer_modified = array("q")
        self.merged_to = array("q")
        self.customer_active = bytearray()
        self.home: list[int] = []
        self.contacts = bytearray()
        self.memberships = bytearray()

        self.addresses: list[Street] = []
        self.location_customer = array("q")

        self.visit_location = array("q")
        self.visit_unit = array("q")
        self.visit_job_type = array("q")
        self.visit_created = array("q")
        self.visit_modified = array("q")
        self.visit_cents = array("q")
        self.visit_items = bytearray()
        self.visit_appointments = bytearray()
        self.has_job = bytearray()
        self.has_invoice = bytearray()
        self.has_payment = bytearray()

        for _ in range(account.size.customers):
            self.add_customer(self._moment())
        for _ in range(account.size.customers // 5):
            self._add_location(int(self.shape.random() * account.size.customers))
        invoices = 0
        while invoices < account.size.invoices:
            invoices += self.add_visit(self._moment())

    def _moment(self) -> int:
        return HISTORY_FROM + int(self.shape.random() * (HISTORY_TO - HISTORY_FROM))

    def later(self, rng: Random, created: int) -> int:
        """A last modification after ``created``: never, soon, much later, or in a bulk edit that many records share.

        Records created after the history are unmodified.
        """
        point = rng.random()
        if created >= HISTORY_TO:
            return created
        if point < 0.25:
            return created
        if point < 0.33:
            shared = self._bulk[int(rng.random() * len(self._bulk))]
            return max(created, shared)
        moment = created + int(rng.random() ** 3 * min(400 * instants.DAY, HISTORY_END - created))
        # Three to seven fractional digits, as in the API.
        if point < 0.5:
            moment -= moment % 10_000
        return moment

    def add_customer(self, created: int, modified: int | None = None) -> int:
        """Add a customer with a home; returns its index."""
        rng = self.shape
        index = len(self.home)
        active, merged = 1, -1
        if rng.random() < 0.06:
            active = 0
            if index and rng.random() < 0.4:
                merged = int(rng.random() * index)
        self.customer_created.append(created)
        self.customer_modified.append(self.later(rng, created) if modified is None else modified)
        self.customer_active.append(active)
        self.merged_to.append(merged)
        self.contacts.append(int(rng.random() * (CONTACT_SLOTS - 1)))
        self.memberships.append((0, 0, 0, 1, 1, 2)[int(rng.random() * 6)])
        name: str | None = people.customer_name(self.words)
        if self.awkward and self.words.random() < 0.08:
            name = people.untidy(self.words, name)
        self.names.append(name)
        self.home.append(self._add_location(index))
        return index

    def _add_location(self, customer: int) -> int:
        address = people.address(self.words)
        if self.awkward and self.words.random() < 0.05:
            address = people.incomplete(self.words, address)
        self.addresses.append(address)
        self.location_customer.append(customer)
        return len(self.addresses) - 1

    def add_visit(self, created: int, modified: int | None = None, *, complete: bool = False) -> bool:
        """Add a visit; returns whether it has an invoice. ``complete`` guarantees a job and an invoice."""
        rng = self.shape
        point = 1.0 if complete else rng.random()
        job, invoice = (False, True) if point < 0.05 else (True, point >= 0.08)
        self.visit_location.append(int(rng.random() * len(self.addresses)))
        self.visit_unit.append(int(rng.random() * self.size.business_units))
        self.visit_job_type.append(int(rng.random() * JOB_TYPES))
        self.visit_created.append(created)
        self.visit_modified.append(self.later(rng, created) if modified is None else modified)
        cents = int(rng.random() ** 3 * 900_000)
        kind = rng.random()
        self.visit_cents.append(0 if kind < 0.04 else -cents if kind < 0.07 else cents)
        fixed = self.size.items_per_invoice
        self.visit_items.append(
            max(1, min(fixed, ITEM_SLOTS)) if fixed is not None else (1, 1, 2, 2, 3, 4)[int(rng.random() * 6)]
        )
        self.visit_appointments.append((0, 1, 1, 1, 1, 1, 2, 3)[int(rng.random() * 8)] if job else 0)
        self.has_job.append(job)
        self.has_invoice.append(invoice)
        self.has_payment.append(invoice and rng.random() < 0.6)
        return invoice

    @property
    def customers(self) -> int:
        """The number of customers."""
        return len(self.home)

    @property
    def visits(self) -> int:
        """The number of visits, with or without an invoice."""
        return len(self.visit_created)

    def customer_of(self, visit: int) -> int:
        """The customer of a visit."""
        return self.location_customer[self.visit_location[visit]]

    def tax_cents(self, visit: int) -> int:
        """Sales tax on a visit's items: 8.25% on every third visit, none on the others."""
        return round(self.visit_cents[visit] * 0.0825) if visit % 3 == 0 else 0
