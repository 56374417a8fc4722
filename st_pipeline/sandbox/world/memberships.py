"""Membership types and customers' memberships, as the exports write them (Memberships.V2.Export… schemas)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import date_text, text
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.crm import Made
from st_pipeline.sandbox.world.plan import Plan

_NAMES = ("Gold Club", "Silver  Club", "Comfort Plan – 2 systems", "Drain Plan", "Legacy (closed)", "Family ❤ Plan")
MEMBERSHIP_SLOTS = 2


def membership_types(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every membership type; one is closed and inactive but still has members."""
    for i in indexes:
        created = ids.HISTORY_FROM - int(rng.random() * 300) * instants.DAY
        modified = plan.later(rng, created)
        yield (
            {
                "id": ids.MEMBERSHIP_TYPE + i,
                "createdOn": text(created),
                "createdById": ids.EMPLOYEE,
                "modifiedOn": text(modified),
                "importId": None,
                "billingTemplateId": None,
                "discount": 10.0,
                "durationBilling": [
                    {"duration": 12, "billingFrequency": "Annual", "salePrice": 199.0, "billingPrice": 199.0,
                     "renewalPrice": 189.5}
                ],
                "discounts": [],
                "recurringServices": [],
                "tagTypeIds": [],
                "name": _NAMES[i % len(_NAMES)],
                "displayName": None if i % 2 else _NAMES[i % len(_NAMES)],
                "active": i != 4,
                "discountMode": "Basic",
                "locationTarget": "SingleLocation",
                "revenueRecognitionMode": "PointOfSale",
                "autoCalculateInvoiceTemplates": False,
                "useMembershipPricingTable": False,
                "showMembershipSavings": True,
            },
            created,
            modified,
        )  # fmt: skip


def memberships(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """0 to 2 per customer. Dates are at midnight, some without a time zone; a few have no end."""
    for i in indexes:
        for k in range(plan.memberships[i]):
            created = plan.customer_created[i]
            modified = plan.later(rng, created)
            point = rng.random()
            open_ended = point < 0.1
            canceled = 0.75 < point < 0.9
            yield (
                {
                    "id": ids.MEMBERSHIP + i * MEMBERSHIP_SLOTS + k,
                    "createdOn": text(created),
                    "createdById": ids.EMPLOYEE + i % ids.EMPLOYEES,
                    "modifiedOn": text(modified),
                    "followUpOn": "0001-01-01T00:00:00Z",
                    "cancellationDate": date_text(modified) if canceled else None,
                    "from": date_text(created),
                    "nextScheduledBillDate": date_text(created + 365 * instants.DAY, zone=point < 0.5),
                    "to": None if open_ended else date_text(created + 365 * instants.DAY),
                    "billingFrequency": "Annual" if point < 0.5 else "Monthly",
                    "renewalBillingFrequency": None,
                    "status": "Canceled" if canceled else "Expired" if point >= 0.9 else "Active",
                    "followUpStatus": "NotAttempted",
                    "active": rng.random() > 0.05,
                    "initialDeferredRevenue": 0.0,
                    "duration": None if open_ended else 12,
                    "renewalDuration": None,
                    "businessUnitId": ids.BUSINESS_UNIT + i % plan.size.business_units,
                    "customerId": ids.CUSTOMER + i,
                    "membershipTypeId": ids.MEMBERSHIP_TYPE + (i + k) % ids.MEMBERSHIP_TYPES,
                    "activatedById": None,
                    "activatedFromId": None,
                    "billingTemplateId": None,
                    "cancellationBalanceInvoiceId": None,
                    "cancellationInvoiceId": None,
                    "followUpCustomStatusId": None,
                    "locationId": ids.LOCATION + plan.home[i],
                    "paymentMethodId": None,
                    "paymentTypeId": None,
                    "recurringLocationId": None,
                    "renewalMembershipTaskId": None,
                    "renewedById": None,
                    "soldById": ids.TECHNICIAN + i % plan.size.technicians if point < 0.5 else None,
                    "customerPo": None,
                    "importId": None,
                    "memo": None,
                    "customFields": [],
                },
                created,
                modified,
            )
