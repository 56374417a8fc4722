"""A company's people: technicians and office staff (TenantSettings.V2.Export… schemas)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from st_pipeline.sandbox.instants import date_text, text
from st_pipeline.sandbox.world import people
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.company import set_up
from st_pipeline.sandbox.world.crm import Made
from st_pipeline.sandbox.world.plan import Plan


def technicians(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """Every technician; one in eight has left."""
    for i in indexes:
        created, modified = set_up(plan, rng)
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
                "home": {**people.address(rng)._asdict(), "streetAddress": None, "latitude": None, "longitude": None},
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
    """Every office employee; one in five has left."""
    for i in indexes:
        created, modified = set_up(plan, rng)
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
                "home": people.address(rng)._asdict(),
                "agentId": 0,
                "startDate": date_text(created, zone=False),
                "terminationDate": None if i % 5 != 4 else date_text(modified, zone=False),
                "hourlyRate": 22.0,
                "overtimeProfileId": None,
            },
            created,
            modified,
        )
