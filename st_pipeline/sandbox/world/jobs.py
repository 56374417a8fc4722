"""Jobs and appointments, as the exports write them (Jpm.V2.Export… schemas)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.instants import text
from st_pipeline.sandbox.world import people
from st_pipeline.sandbox.world import plan as ids
from st_pipeline.sandbox.world.crm import Made
from st_pipeline.sandbox.world.plan import Plan

NO_DATE = instants.at(1)


def job_number(visit: int) -> str:
    """The number that people see on a job; not its id."""
    return f"{1_000 + visit}"


def jobs(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """One record per visit that has a job; some without appointments, some without an invoice."""
    for i in indexes:
        if not plan.has_job[i]:
            continue
        created, modified = plan.visit_created[i], plan.visit_modified[i]
        appointments = plan.visit_appointments[i]
        first = ids.APPOINTMENT + i * ids.APPOINTMENT_SLOTS
        point = rng.random()
        completed = point < 0.8
        cents = plan.visit_cents[i] + plan.tax_cents(i)
        yield (
            {
                "summary": people.work(rng) if point < 0.9 else None,
                "customFields": [{"typeId": 91, "name": "Gate code", "value": "4412"}] if point < 0.1 else [],
                "externalData": [],
                "summaryOfWork": "done" if point < 0.1 else None,
                "id": ids.JOB + i,
                "jobNumber": job_number(i),
                "projectId": None,
                "customerId": ids.CUSTOMER + plan.customer_of(i),
                "locationId": ids.LOCATION + plan.visit_location[i],
                "jobStatus": "Completed" if completed else "Canceled" if point < 0.87 else "Scheduled",
                "completedOn": text(created + 3 * instants.DAY) if completed else None,
                "businessUnitId": ids.BUSINESS_UNIT + plan.visit_unit[i],
                "jobTypeId": ids.JOB_TYPE + plan.visit_job_type[i],
                "priority": "Normal" if point < 0.7 else "Urgent" if point < 0.8 else "High" if point < 0.9 else "Low",
                "campaignId": ids.CAMPAIGN + i % ids.CAMPAIGNS,
                "appointmentCount": appointments,
                "firstAppointmentId": first if appointments else 0,
                "lastAppointmentId": first + appointments - 1 if appointments else 0,
                "recallForId": None,
                "warrantyId": None,
                "jobGeneratedLeadSource": None,
                "noCharge": cents == 0,
                "notificationsEnabled": point < 0.5,
                "createdOn": text(created),
                "createdById": ids.EMPLOYEE + i % ids.EMPLOYEES,
                "modifiedOn": text(modified),
                "tagTypeIds": [ids.TAG_TYPE + i % ids.TAG_TYPES] if point < 0.2 else [],
                "leadCallId": None,
                "partnerLeadCallId": None,
                "bookingId": None,
                "soldById": ids.TECHNICIAN + i % plan.size.technicians if point < 0.3 else None,
                "customerPo": "",
                "invoiceId": ids.INVOICE + i if plan.has_invoice[i] else 0,
                "membershipId": None,
                # 0 (never null) if no total is recorded: four in ten completed jobs.
                "total": 0 if point < 0.4 else cents / 100,
                "createdFromEstimateId": None,
                "estimateIds": [],
                "equipmentIds": [],
                "isAutoDispatched": None if point < 0.5 else False,
                "active": point > 0.02,
            },
            created,
            modified,
        )


def appointments(plan: Plan, rng: Random, indexes: range) -> Iterator[Made]:
    """0 to 3 per job; some are inactive, and some start in year 1, which means no date."""
    for i in indexes:
        created = plan.visit_created[i]
        start = created - created % instants.HOUR + 30 * instants.MINUTE
        for k in range(plan.visit_appointments[i]):
            point = rng.random()
            start += int(1 + rng.random() * 48) * instants.HOUR
            modified = plan.later(rng, created)
            begins = NO_DATE if plan.awkward and point > 0.985 else start + (5_000_001 if point < 0.05 else 0)
            yield (
                {
                    "appointmentSummaries": [],
                    "id": ids.APPOINTMENT + i * ids.APPOINTMENT_SLOTS + k,
                    "jobId": ids.JOB + i,
                    "appointmentNumber": f"{job_number(i)}-{k + 1}",
                    "start": text(begins),
                    "end": text(begins + 2 * instants.HOUR),
                    "arrivalWindowStart": None if point < 0.3 else text(begins),
                    "arrivalWindowEnd": None if point < 0.3 else text(begins + 4 * instants.HOUR),
                    "status": "Done" if point < 0.8 else "Canceled" if point < 0.9 else "Scheduled",
                    "specialInstructions": people.note(rng) if point < 0.15 else None,
                    "createdOn": text(created),
                    "modifiedOn": text(modified),
                    "customerId": ids.CUSTOMER + plan.customer_of(i),
                    "unused": False,
                    "createdById": ids.EMPLOYEE + i % ids.EMPLOYEES,
                    "isConfirmed": point < 0.6,
                    "active": rng.random() > 0.06,
                },
                created,
                modified,
            )
