"""A company's setup: business units, tags, job types and campaigns. Its people are in staff.py."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import text
from st_pipeline.sandbox.world import people
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.crm import Made
from st_pipeline.sandbox.world.plan import Plan

_UNITS = ("Plumbing", "HVAC – Service", "HVAC - Install", "Electrical", "Drains & Sewer", "Roofing", "Water  Quality")
_JOB_TYPES = (
    "Drain Cleaning", "No Cool", "No Heat", "Tune-Up", "Water Heater Replacement", "Leak", "Estimate", "Panel Upgrade",
    "Recall", "Install", "Membership Visit", "Camera Inspection", "Gas Line", "Émergence 24/7",
)  # fmt: skip


def business_unit_name(plan: Plan, index: int) -> str:
    """The name of a business unit; every other one includes the tenant's name."""
    return f"{_UNITS[index % len(_UNITS)]} ({plan.name})" if index % 2 == 0 else _UNITS[index % len(_UNITS)]


def job_type_name(index: int) -> str:
    """The name of a job type, as jobs and invoices carry it."""
    return _JOB_TYPES[index % len(_JOB_TYPES)]


def set_up(plan: Plan, rng: Random) -> tuple[int, int]:
    """When an item was set up (before the history) and when it was last modified."""
    created = ids.HISTORY_FROM - int(rng.random() * 700) * instants.DAY
    return created, plan.later(rng, created)


def business_units(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every business unit; one in six inactive."""
    for i in indexes:
        created, modified = set_up(plan, rng)
        yield (
            {
                "id": ids.BUSINESS_UNIT + i,
                "active": i % 6 != 5,
                "name": business_unit_name(plan, i),
                "officialName": None if i % 3 else plan.name,
                "email": people.email(rng),
                "currency": "USD",
                "phoneNumber": people.phone(rng, tidy=True),
                "invoiceHeader": "<p>Thank you!</p>",
                "invoiceMessage": None,
                "defaultTaxRate": 0.0825,
                "authorizationParagraph": None,
                "acknowledgementParagraph": None,
                "address": {
                    **people.address(rng)._asdict(),
                    "latitude": None,
                    "longitude": None,
                    "isManualCoordinates": False,
                    "isMilitary": False,
                },
                "materialSku": None,
                "quickbooksClass": None,
                "accountCode": None,
                "franchiseId": None,
                "conceptCode": None,
                "corporateContractNumber": None,
                "trade": {"id": 1 + i % 4, "name": ("Plumbing", "HVAC", "Electrical", "Roofing")[i % 4]},
                "division": None,
                "tagTypeIds": [],
                "tenant": {"id": plan.tenant_id, "name": plan.name, "accountCode": None, "franchiseId": None,
                           "conceptCode": None, "modifiedOn": text(modified)},
                "createdOn": text(created),
                "modifiedOn": text(modified),
                "externalData": None,
                "certifiedSentriconSpecialistCode": None,
            },
            created,
            modified,
        )  # fmt: skip


def tag_types(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every tag type."""
    for i in indexes:
        created, modified = set_up(plan, rng)
        yield (
            {
                "id": ids.TAG_TYPE + i,
                "name": f"Tag {i} ⭐" if i % 4 == 0 else f"Tag {i}",
                "color": f"#{i:02}99cc",
                "code": f"T{i}",
                "importance": ("Medium", "High", None)[i % 3],
                "isConversionOpportunity": i % 2 == 0,
                "allowToUseOnTimesheetActivity": False,
                "isVisibleOnDispatchBoard": True,
                "active": i % 7 != 6,
                "createdOn": text(created),
                "modifiedOn": text(modified),
            },
            created,
            modified,
        )


def job_types(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every job type, as the list writes it (there is no export)."""
    for i in indexes:
        created, modified = set_up(plan, rng)
        yield (
            {
                "id": ids.JOB_TYPE + i,
                "name": job_type_name(i),
                "businessUnitIds": [ids.BUSINESS_UNIT + i % plan.size.business_units],
                "skills": ["Gas"] if i % 3 == 0 else [],
                "tagTypeIds": [],
                "priority": ("Normal", "High", "Urgent", "Low")[i % 4],
                "duration": 3_600 * (1 + i % 4),
                "soldThreshold": 50.0 if i % 2 else None,
                "class": "Service",
                "summary": "Check\nfilter",
                "noCharge": False,
                "enforceRecurringServiceEventSelection": None,
                "invoiceSignaturesRequired": False,
                "modifiedOn": text(modified),
                "createdOn": text(created),
                "externalData": [],
                "active": i % 9 != 8,
                "isSmartDispatched": False,
                "defaultEstimateSoldAction": "None",
                "customFieldTypeIds": [],
            },
            created,
            modified,
        )


def campaigns(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every campaign, as the list writes it (there is no export)."""
    for i in indexes:
        created, modified = set_up(plan, rng)
        yield (
            {
                "id": ids.CAMPAIGN + i,
                "name": ("Google Ads", "Yelp", "Truck wrap", "Door hanger", "Radio – KUT")[i % 5] + f" {i}",
                "modifiedOn": text(modified),
                "createdOn": text(created),
                "active": i % 6 != 5,
                "isDefaultCampaign": i == 0,
                "category": {"id": 1 + i % 3, "name": "Online", "active": True} if i % 3 else None,
                "source": None,
                "otherSource": None,
                "businessUnit": None,
                "medium": None,
                "otherMedium": None,
                "campaignPhoneNumbers": [people.phone(rng, tidy=True)],
            },
            created,
            modified,
        )
