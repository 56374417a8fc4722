"""What a company sets up once: business units, people, tags, job types and campaigns (lists of tens, not thousands)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import date_text, text
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
    """The name of a business unit, which the tenant's own name is part of."""
    return f"{_UNITS[index % len(_UNITS)]} ({plan.name})" if index % 2 == 0 else _UNITS[index % len(_UNITS)]


def job_type_name(index: int) -> str:
    """The name of a job type, as jobs and invoices carry it."""
    return _JOB_TYPES[index % len(_JOB_TYPES)]


def _times(plan: Plan, rng: Random) -> tuple[int, int]:
    created = ids.HISTORY_FROM - int(rng.random() * 700) * instants.DAY
    return created, plan.later(rng, created)


def _home(rng: Random) -> dict[str, str | None]:
    return people.address(rng)._asdict()


def business_units(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every business unit; one in six inactive."""
    for i in indexes:
        created, modified = _times(plan, rng)
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
                "address": {**_home(rng), "latitude": None, "longitude": None, "isManualCoordinates": False,
                            "isMilitary": False},
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


def technicians(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every technician; one in eight has left."""
    for i in indexes:
        created, modified = _times(plan, rng)
        first, last = people.person(rng)
        yield (
            {
                "id": ids.TECHNICIAN + i,
                "userId": 5_000 + i,
                "name": f"{first} {last}",
                "roleIds": [2],
                "businessUnitId": ids.BUSINESS_UNIT + i % plan.size.business_units,
                "mainZoneId": None,
                "zoneIds": [21 + i % 4],
                "createdOn": text(created),
                "modifiedOn": text(modified),
                "email": people.email(rng),
                "phoneNumber": people.phone(rng, tidy=True),
                "loginName": f"tech{i}",
                "home": {**_home(rng), "streetAddress": None, "latitude": None, "longitude": None},
                "dailyGoal": 1500.0,
                "isManagedTech": True,
                "licenseType": "ManagedTech",
                "customFields": [],
                "active": i % 8 != 7,
                "aadUserId": None,
                "burdenRate": 12.5,
                "team": ("Red", "Blue")[i % 2],
                "jobFilter": None,
                "permissions": [],
                "accountLocked": False,
                "commissionRate": 0.05,
                "currentValue": None,
                "firstName": first,
                "lastName": last,
                "hourlyRate": 31.255,
                "jobId": None,
                "mobilePhone": None,
                "outboundCallerId": None,
                "payrollId": f"{900 + i}",
                "payrollProfileId": None,
                "appoitmentId": None,
                "shiftStart": "08:00:00",
                "shiftEnd": "17:00:00",
                "soldByRate": 0.02,
                "startDate": date_text(created, zone=False),
                "status": "Idle",
                "skills": [{"id": 1, "name": "Gas"}],
                "positions": ["Service"],
                "location": None,
                "bio": "<p>20 years &amp; counting</p>",
                "memo": None,
            },
            created,
            modified,
        )


def employees(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every employee of the office; one in five has left."""
    for i in indexes:
        created, modified = _times(plan, rng)
        first, last = people.person(rng)
        yield (
            {
                "customFields": [],
                "permissions": [],
                "id": ids.EMPLOYEE + i,
                "userId": 4_000 + i,
                "name": f"{first} {last}",
                "firstName": first,
                "lastName": last,
                "managerId": None,
                "role": ("Dispatch", "CSR", "Accounting", "Owner")[i % 4],
                "roleIds": None,
                "businessUnitId": None,
                "createdOn": text(created),
                "modifiedOn": text(modified),
                "email": people.email(rng),
                "phoneNumber": people.phone(rng, tidy=True),
                "loginName": f"office{i}",
                "active": i % 5 != 4,
                "aadUserId": None,
                "accountLocked": False,
                "home": _home(rng),
                "agentId": 0,
                "startDate": date_text(created, zone=False),
                "terminationDate": None if i % 5 != 4 else date_text(modified, zone=False),
                "hourlyRate": 22.0,
                "overtimeProfileId": None,
            },
            created,
            modified,
        )


def tag_types(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every tag type."""
    for i in indexes:
        created, modified = _times(plan, rng)
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
        created, modified = _times(plan, rng)
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
        created, modified = _times(plan, rng)
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
