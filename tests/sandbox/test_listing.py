from decimal import Decimal
from typing import Any

import pytest

from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.listing import without_active
from tests.sandbox.caller import Caller

LISTS = [one for one in entities() if one.listed]
BOUND = {"createdOnOrAfter": "2000-01-01", "pageSize": "77"}


def live(reader: Caller, name: str) -> list[dict[str, Any]]:
    """All records of an entity by id descending, as the lists order them."""
    return reader.sandbox.world(1001).records(name, recent=True)[::-1]


@pytest.mark.parametrize("one", LISTS, ids=lambda one: one.name)
def test_a_list_pages_through_the_active_records_by_id_descending(reader: Caller, one: Any) -> None:
    expected = live(reader, one.name)
    if one.activity:
        expected = [record for record in expected if record.get("active") is not False]
    got = reader.listed(one.name, **BOUND)
    assert [record["id"] for record in got] == [record["id"] for record in expected]
    if one.hides_active:
        assert all("active" not in record for record in got)
    else:
        assert got == expected


def test_active_can_be_true_any_or_false(reader: Caller) -> None:
    records = live(reader, "crm_customers")
    inactive = [record["id"] for record in records if record["active"] is False]
    assert inactive
    assert [r["id"] for r in reader.listed("crm_customers", active="False")] == inactive
    assert len(reader.listed("crm_customers", active="Any")) == len(records)
    assert "active" in reader.errors("crm_customers", active="All")


def test_invoices_and_payments_have_active_state(reader: Caller) -> None:
    for name in ("accounting_invoices", "accounting_payments"):
        records = live(reader, name)
        inactive = [record["id"] for record in records if record["active"] is False]
        assert [r["id"] for r in reader.listed(name, activeState="InactiveOnly")] == inactive != []
        assert len(reader.listed(name, activeState="All")) == len(records)
        assert "activeState" in reader.errors(name, activeState="Any")


def test_a_page_has_50_records_and_no_total_by_default(reader: Caller) -> None:
    path = reader.path("jpm_jobs", export=False)
    body = reader.get(path).json()
    assert (body["page"], body["pageSize"], len(body["data"]), body["totalCount"]) == (1, 50, 50, None)
    body = reader.get(path, {"includeTotal": "true", "page": "99"}).json()
    assert body["totalCount"] == len(live(reader, "jpm_jobs"))
    assert (body["data"], body["hasMore"]) == ([], False)


@pytest.mark.parametrize(
    ("name", "value"), [("pageSize", "5001"), ("pageSize", "0"), ("page", "0"), ("page", "x"), ("includeTotal", "yes")]
)
def test_a_bad_page_is_refused(reader: Caller, name: str, value: str) -> None:
    assert list(reader.errors("crm_customers", **{name: value})) == [name]


def test_a_page_has_at_most_5000_records(reader: Caller) -> None:
    assert len(reader.listed("crm_customers", pageSize="5000", active="Any")) == 120


def test_ids_select_up_to_fifty_records(reader: Caller) -> None:
    ids = [record["id"] for record in live(reader, "jpm_jobs")][:50]
    got = reader.listed("jpm_jobs", ids=",".join(map(str, [*ids[:49], 5])))
    assert [record["id"] for record in got] == ids[:49]
    assert "ids" in reader.errors("jpm_jobs", ids=",".join(map(str, [*ids, 1])))
    assert "ids" in reader.errors("jpm_jobs", ids="1,x")


def test_bounds_of_creation_and_modification_are_closed_below_and_open_above(reader: Caller) -> None:
    records = live(reader, "jpm_jobs")
    for member, least, before in (
        ("modifiedOn", "modifiedOnOrAfter", "modifiedBefore"),
        ("createdOn", "createdOnOrAfter", "createdBefore"),
    ):
        ordered = sorted(records, key=lambda record: (record[member], record["id"]))
        low, high = ordered[30][member], ordered[90][member]
        got = reader.listed("jpm_jobs", **{least: low, before: high})
        assert [r["id"] for r in got] == [r["id"] for r in records if low <= r[member] < high]
        assert list(reader.errors("jpm_jobs", **{least: "soon"})) == [least]


def test_an_undocumented_sort_field_is_rejected_in_the_apis_wording(reader: Caller) -> None:
    for value in ("-completedOn", "ModifiedOn", " ModifiedOn", "+"):
        errors = reader.errors("jpm_jobs", sort=value)
        assert errors == {"sort": [f"The value '{value}' is not valid for Sort."]}


def test_lists_sort_by_the_documented_fields_both_ways(reader: Caller) -> None:
    for name, field, member in (
        ("jpm_jobs", "ModifiedOn", "modifiedOn"),
        ("jpm_jobs", "Priority", "priority"),
        ("crm_customers", "CreatedOn", "createdOn"),
        ("marketing_campaigns", "Name", "name"),
        ("crm_locations", "Id", "id"),
    ):
        up = [record[member] for record in reader.listed(name, sort=f"+{field}")]
        assert up == sorted(up, key=lambda value: value if isinstance(value, int) else str(value or "").rstrip("Z"))
        down = [record["id"] for record in reader.listed(name, sort=f"-{field}")]
        assert down == [record["id"] for record in reader.listed(name, sort=f"+{field}")][::-1]


def test_job_types_are_ordered_by_their_own_parameters(reader: Caller) -> None:
    up = reader.listed("jpm_job_types", orderBy="modifiedOn")
    assert [r["modifiedOn"] for r in up] == sorted(r["modifiedOn"] for r in up)
    assert reader.listed("jpm_job_types", orderBy="modifiedOn", orderByDirection="descending") == up[::-1]
    assert "orderBy" in reader.errors("jpm_job_types", orderBy="name")
    assert "orderByDirection" in reader.errors("jpm_job_types", orderBy="id", orderByDirection="up")


def test_unknown_parameters_are_ignored_and_give_everything(reader: Caller) -> None:
    plain = reader.listed("settings_business_units")
    assert reader.listed("settings_business_units", modifedOnOrAfter="2099-01-01", sort="-Nonsense") == plain


def test_parameter_names_are_case_insensitive(reader: Caller) -> None:
    assert len(reader.get(reader.path("jpm_jobs", export=False), {"PAGESIZE": "3"}).json()["data"]) == 3


def test_contacts_need_their_parents_or_a_bound(reader: Caller) -> None:
    for name, parents, member in (
        ("crm_customer_contacts", "customerIds", "customerId"),
        ("crm_location_contacts", "locationIds", "locationId"),
    ):
        assert "request" in reader.errors(name, pageSize="5")
        parent = live(reader, name)[3][member]
        got = reader.listed(name, **{parents: str(parent)})
        assert {record[member] for record in got} == {parent}


def test_members_filter_as_documented(reader: Caller) -> None:
    jobs, invoices = live(reader, "jpm_jobs"), live(reader, "accounting_invoices")
    customer = jobs[5]["customerId"]
    assert [r["id"] for r in reader.listed("jpm_jobs", customerId=str(customer))] == [
        r["id"] for r in jobs if r["customerId"] == customer
    ]
    assert {r["jobStatus"] for r in reader.listed("jpm_jobs", jobStatus="canceled")} == {"Canceled"}
    assert "jobStatus" in reader.errors("jpm_jobs", jobStatus="Sleeping")
    assert "customerId" in reader.errors("jpm_jobs", customerId="abc")
    got = reader.listed("accounting_invoices", totalGreater="1000.50", activeState="All")
    expected = [r["id"] for r in invoices if r["total"] and Decimal(r["total"]) >= Decimal("1000.50")]
    assert [r["id"] for r in got] == expected != []
    number = next(r["job"]["number"] for r in invoices if r["job"] and r["active"] is True)
    assert [r["job"]["number"] for r in reader.listed("accounting_invoices", jobNumber=number)] == [number]
    got = reader.listed("accounting_invoices", invoicedOnOrAfter="2024-01-01", invoicedOnBefore="2025-01-01")
    assert {r["invoiceDate"][:4] for r in got} == {"2024"}
    assert all("mary" in r["name"].lower() for r in reader.listed("crm_customers", name="MARY"))


def test_statuses_may_be_repeated(reader: Caller) -> None:
    path = reader.path("accounting_invoices", export=False)
    got = reader.get(path, [("statuses", "Pending"), ("statuses", "Posted"), ("pageSize", "500")]).json()["data"]
    assert {record["syncStatus"] for record in got} == {"Pending", "Posted"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id":1,"active":true}', b'{"id":1}'),
        (b'{"id":1,"active":null}', b'{"id":1}'),
        (b'{"active":false,"x":1.0000000000000000000}', b'{"x":1.0000000000000000000}'),
        (b'{"id":1}', b'{"id":1}'),
        (b'"oops"', b'"oops"'),
    ],
)
def test_active_is_taken_out_and_every_other_byte_kept(body: bytes, expected: bytes) -> None:
    assert without_active(body) == expected
