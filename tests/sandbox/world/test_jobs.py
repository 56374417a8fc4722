"""sandbox/world/jobs.py: jobs, and the appointments that they count."""

from __future__ import annotations

from collections import Counter

from st_pipeline.sandbox import instants
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world.jobs import NO_DATE, appointments, job_number, jobs
from st_pipeline.sandbox.world.plan import Plan

from .conftest import Records


def test_appointments_belong_to_jobs_which_count_them(held: Records) -> None:
    count = Counter(one["jobId"] for one in held["jpm_appointments"].values())
    for job in held["jpm_jobs"].values():
        assert job["appointmentCount"] == count[job["id"]]
        if job["appointmentCount"]:
            assert held["jpm_appointments"][job["firstAppointmentId"]]["jobId"] == job["id"]
            assert held["jpm_appointments"][job["lastAppointmentId"]]["customerId"] == job["customerId"]
    assert set(count) <= set(held["jpm_jobs"])
    assert any(not job["appointmentCount"] for job in held["jpm_jobs"].values())
    assert any(not job["invoiceId"] for job in held["jpm_jobs"].values())


def test_only_visits_with_a_job_have_one_and_their_numbers_differ(plan: Plan) -> None:
    made = [record for record, *_ in jobs(plan, seeded("j"), range(plan.visits))]
    assert len(made) == sum(plan.has_job) < plan.visits
    assert [record["jobNumber"] for record in made] == [job_number(i) for i in range(plan.visits) if plan.has_job[i]]
    assert len({record["jobNumber"] for record in made}) == len(made)


def test_a_job_has_a_day_of_completion_only_when_it_is_completed(plan: Plan) -> None:
    for record, created, _ in jobs(plan, seeded("j"), range(plan.visits)):
        assert (record["completedOn"] is not None) is (record["jobStatus"] == "Completed")
        if record["completedOn"]:
            assert instants.parse(record["completedOn"]) == created + 3 * instants.DAY
        assert record["noCharge"] is False or record["total"] == 0


def test_an_appointment_ends_after_it_starts_and_they_follow_each_other(plan: Plan) -> None:
    starts: dict[int, list[int]] = {}
    for record, created, _ in appointments(plan, seeded("a"), range(plan.visits)):
        start, end = instants.parse(record["start"]), instants.parse(record["end"])
        assert start and end
        assert created < start < end
        starts.setdefault(record["jobId"], []).append(start)
        assert record["appointmentNumber"].endswith(f"-{len(starts[record['jobId']])}")
    assert any(len(each) > 1 for each in starts.values())
    assert all(each == sorted(each) for each in starts.values())


def test_no_date_is_the_first_day_of_year_1_and_no_tidy_world_has_it(plan: Plan) -> None:
    assert instants.text(NO_DATE) == "0001-01-01T00:00:00Z"
    assert all(record["start"] != instants.text(NO_DATE)
               for record, *_ in appointments(plan, seeded("a"), range(plan.visits)))  # fmt: skip
