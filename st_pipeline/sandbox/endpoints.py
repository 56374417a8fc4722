"""Every endpoint that has data in the sandbox: path, scope, and its list's filters and sort orders.

Copied by hand from the modules' OpenAPI documents; a test compares them. Behavior is in exporting.py and listing.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

ID_MODIFIED_CREATED = ("Id", "ModifiedOn", "CreatedOn")


@dataclass(frozen=True)
class Filter:
    """One query parameter that filters a list by a member of the record: its kind and the path to the member.

    Kinds: ``int``, ``ints`` (comma-separated), ``text`` (case-insensitive substring), ``exact``, ``bool``,
    ``number_from``, ``number_to``, ``time_from``, ``time_before``, and ``enum`` with its closed set of values.
    """

    kind: str
    member: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entity:
    """One resource: its export, its list and their requirements.

    ``activity`` is the list's parameter for inactive records (``active``, ``activeState`` or None). ``hides_active``:
    records in the list lack the member ``active`` that the export has. ``needs_one_of``: the list rejects a call that
    has none of these parameters.
    """

    name: str
    module: str
    resource: str
    scope: str
    export: bool = True
    listed: bool = True
    activity: str | None = "active"
    sort: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    hides_active: bool = False
    needs_one_of: tuple[str, ...] = ()
    export_active: bool = False
    ids: bool = True
    filters: dict[str, Filter] = field(default_factory=dict)


def _text(*names: str) -> dict[str, Filter]:
    return {name: Filter("text", (name,)) for name in names}


def _ints(**members: str) -> dict[str, Filter]:
    return {name: Filter("int", tuple(member.split("."))) for name, member in members.items()}


def _address() -> dict[str, Filter]:
    return {name: Filter("text", ("address", name)) for name in ("street", "unit", "city", "state", "zip", "country")}


_FREQUENCY = ("OneTime", "Monthly", "EveryOtherMonth", "Quarterly", "BiAnnual", "Annual")
_APPOINTMENT_STATUS = ("Scheduled", "Dispatched", "Working", "Hold", "Done", "Canceled")
_JOB_STATUS = ("Scheduled", "Dispatched", "InProgress", "Hold", "Completed", "Canceled")


@cache
def entities() -> tuple[Entity, ...]:
    """All entities; each comes after the entities it refers to."""
    return (*_settings(), *_crm(), *_jpm(), *_accounting(), *_memberships())


@cache
def entity(name: str) -> Entity:
    """One entity by name; KeyError with the known names if there is none."""
    for one in entities():
        if one.name == name:
            return one
    raise KeyError(f"the sandbox has no entity {name!r}; it has: {', '.join(e.name for e in entities())}")


@cache
def routes() -> dict[tuple[str, str], tuple[Entity, bool]]:
    """(module, path below the tenant) → (entity, whether this is its export)."""
    found: dict[tuple[str, str], tuple[Entity, bool]] = {}
    for one in entities():
        if one.export:
            found[one.module, f"export/{one.resource}"] = (one, True)
        if one.listed:
            found[one.module, one.resource] = (one, False)
    return found


def _settings() -> tuple[Entity, ...]:
    people = {"userIds": Filter("ints", ("userId",)), **_text("name")}
    return (
        Entity("settings_business_units", "settings", "business-units", "tn.stt.businessunits:r",
               filters=_text("name")),
        Entity("settings_employees", "settings", "employees", "tn.stt.employees:r",
               filters=people | {"email": Filter("exact", ("email",))}),
        Entity("settings_technicians", "settings", "technicians", "tn.stt.technicians:r", filters=people),
        Entity("settings_tag_types", "settings", "tag-types", "tn.stt.tagtypes:r", sort=ID_MODIFIED_CREATED, ids=False),
        Entity("marketing_campaigns", "marketing", "campaigns", "tn.mrk.campaigns:r", export=False,
               sort=("Id", "Name", "CreatedOn", "ModifiedOn"), filters=_text("name")),
    )  # fmt: skip


def _crm() -> tuple[Entity, ...]:
    bounds = ("createdBefore", "createdOnOrAfter", "modifiedBefore", "modifiedOnOrAfter")
    return (
        Entity("crm_customers", "crm", "customers", "tn.crm.customers:r", sort=ID_MODIFIED_CREATED,
               filters=_text("name") | _address()),
        Entity("crm_customer_contacts", "crm", "customers/contacts", "tn.crm.customers:r", activity=None, ids=False,
               hides_active=True, needs_one_of=("customerIds", *bounds),
               filters={"customerIds": Filter("ints", ("customerId",))}),
        Entity("crm_locations", "crm", "locations", "tn.crm.locations:r", sort=ID_MODIFIED_CREATED,
               filters=_text("name") | _address() | _ints(customerId="customerId")),
        Entity("crm_location_contacts", "crm", "locations/contacts", "tn.crm.locations:r", activity=None, ids=False,
               hides_active=True, needs_one_of=("locationIds", *bounds),
               filters={"locationIds": Filter("ints", ("locationId",))}),
    )  # fmt: skip


def _jpm() -> tuple[Entity, ...]:
    return (
        Entity("jpm_job_types", "jpm", "job-types", "tn.jpm.jobtypes:r", export=False,
               order_by=("id", "modifiedOn", "createdOn"),
               filters=_text("name") | {"priority": Filter("exact", ("priority",))}),
        Entity("jpm_jobs", "jpm", "jobs", "tn.jpm.jobs:r", activity=None, hides_active=True,
               sort=(*ID_MODIFIED_CREATED, "Priority"),
               filters={
                   "number": Filter("exact", ("jobNumber",)),
                   "jobStatus": Filter("enum", ("jobStatus",), _JOB_STATUS),
                   "priority": Filter("enum", ("priority",), ("Low", "Normal", "High", "Urgent")),
                   "completedOnOrAfter": Filter("time_from", ("completedOn",)),
                   "completedBefore": Filter("time_before", ("completedOn",)),
               } | _ints(customerId="customerId", locationId="locationId", jobTypeId="jobTypeId", projectId="projectId",
                         campaignId="campaignId", businessUnitId="businessUnitId", invoiceId="invoiceId",
                         bookingId="bookingId", soldById="soldById")),
        Entity("jpm_appointments", "jpm", "appointments", "tn.jpm.appointments:r", sort=ID_MODIFIED_CREATED,
               export_active=True,
               filters={
                   "number": Filter("exact", ("appointmentNumber",)),
                   "status": Filter("enum", ("status",), _APPOINTMENT_STATUS),
                   "startsOnOrAfter": Filter("time_from", ("start",)),
                   "startsBefore": Filter("time_before", ("start",)),
                   "unused": Filter("bool", ("unused",)),
               } | _ints(jobId="jobId", customerId="customerId")),
    )  # fmt: skip


def _accounting() -> tuple[Entity, ...]:
    transaction = ("Pending", "Posted", "Exported")
    totals = {
        "totalGreater": Filter("number_from", ("total",)),
        "totalLess": Filter("number_to", ("total",)),
    }
    return (
        Entity("accounting_invoices", "accounting", "invoices", "tn.acc.invoices:r", activity="activeState",
               sort=ID_MODIFIED_CREATED, order_by=("id", "modifiedOn", "createdOn"),
               filters={
                   "statuses": Filter("enum", ("syncStatus",), transaction),
                   "jobNumber": Filter("exact", ("job", "number")),
                   "number": Filter("exact", ("referenceNumber",)),
                   "invoicedOnOrAfter": Filter("time_from", ("invoiceDate",)),
                   "invoicedOnBefore": Filter("time_before", ("invoiceDate",)),
                   "dueDateOnOrAfter": Filter("time_from", ("dueDate",)),
                   "dueDateBefore": Filter("time_before", ("dueDate",)),
               } | totals | _ints(jobId="job.id", customerId="customer.id", businessUnitId="businessUnit.id",
                                  batchId="batch.id", adjustmentToId="adjustmentToId")),
        Entity("accounting_invoice_items", "accounting", "invoice-items", "tn.acc.invoiceitems:r", listed=False),
        Entity("accounting_payments", "accounting", "payments", "tn.acc.payments:r", activity="activeState",
               sort=ID_MODIFIED_CREATED,
               filters={
                   "businessUnitIds": Filter("ints", ("businessUnit", "id")),
                   "depositIds": Filter("ints", ("deposit", "id")),
                   "paidOnAfter": Filter("time_from", ("date",)),
                   "paidOnBefore": Filter("time_before", ("date",)),
               } | totals | _ints(customerId="customer.id", batchId="batch.id")),
    )  # fmt: skip


def _memberships() -> tuple[Entity, ...]:
    return (
        Entity("memberships_membership_types", "memberships", "membership-types", "tn.mem.membershiptypes:r",
               sort=ID_MODIFIED_CREATED),
        Entity("memberships_memberships", "memberships", "memberships", "tn.mem.memberships:r",
               sort=ID_MODIFIED_CREATED,
               filters={
                   "customerIds": Filter("ints", ("customerId",)),
                   "status": Filter("enum", ("status",), ("Active", "Suspended", "Expired", "Canceled", "Deleted")),
                   "duration": Filter("int", ("duration",)),
                   "billingFrequency": Filter("enum", ("billingFrequency",), _FREQUENCY),
               }),
    )  # fmt: skip
