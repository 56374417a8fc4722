from __future__ import annotations

import pytest

from st_pipeline.servicetitan.catalogue.lookup import endpoint, endpoints, entities
from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.pages import Page
from st_pipeline.servicetitan.requesting import first_parameters, next_parameters, url_of

EXPORT = endpoint("crm_customers")
JOB_TYPES = endpoint("jpm_job_types")
API = "https://api.servicetitan.io"


def at(path: str) -> Endpoint:
    return next(found for found in endpoints() if found.path == path)


def test_the_tenant_is_put_into_the_path() -> None:
    assert url_of(API, EXPORT, 42, {}) == f"{API}/crm/v2/tenant/42/export/customers"


def test_placeholders_are_filled_and_encoded() -> None:
    notes = at("/crm/v2/tenant/{tenant}/customers/{id}/notes")
    assert url_of(API, notes, 1, {"id": "a/b?c"}) == f"{API}/crm/v2/tenant/1/customers/a%2Fb%3Fc/notes"
    with pytest.raises(ValueError, match="id is not given"):
        url_of(API, notes, 1, {})


def test_an_export_sends_its_cursor_and_nothing_it_does_not_know() -> None:
    assert first_parameters(EXPORT, None, {}) == {}
    assert first_parameters(EXPORT, "a+/=", {}) == {"from": "a+/="}


def test_a_list_requests_the_largest_page_inactive_records_and_the_total() -> None:
    assert first_parameters(JOB_TYPES, "2026-01-01T00:00:00Z", {}) == {
        "active": "Any",
        "orderBy": "id",
        "orderByDirection": "asc",
        "page": "1",
        "pageSize": "5000",
        "includeTotal": "true",
        "modifiedOnOrAfter": "2026-01-01T00:00:00Z",
    }


def test_the_next_page_of_a_list_counts_up_and_asks_for_no_total() -> None:
    first = first_parameters(JOB_TYPES, None, {})
    following = next_parameters(JOB_TYPES, first, Page([], 0, True, None, 9))
    assert following == first | {"page": "2", "includeTotal": "false"}


def test_the_next_page_of_an_export_keeps_the_other_parameters() -> None:
    appointments = endpoint("jpm_appointments")
    first = first_parameters(appointments, None, {})
    assert next_parameters(appointments, first, Page([], 0, True, "t", None)) == {"active": "Any", "from": "t"}


def test_a_list_that_counts_from_zero_begins_with_page_zero() -> None:
    parameters = first_parameters(endpoint("settings_intacct_business_units"), None, {})
    assert (parameters["page"], parameters["pageSize"]) == ("0", "500")


def test_a_parameter_the_endpoint_does_not_know_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="modifiedSince") as caught:
        first_parameters(JOB_TYPES, None, {"modifiedSince": "2026"})
    assert "modifiedOnOrAfter" in str(caught.value)
    with pytest.raises(ValueError, match="pageSize"):
        first_parameters(EXPORT, None, {"pageSize": "10"})


def test_a_cursor_for_an_endpoint_without_one_is_rejected() -> None:
    with pytest.raises(ValueError, match="takes no cursor"):
        first_parameters(endpoint("accounting_payment_types"), "2026-01-01", {})


def test_a_required_filter_that_is_missing_is_refused() -> None:
    contacts = at("/crm/v2/tenant/{tenant}/customers/contacts")
    with pytest.raises(ValueError, match="needs customerIds"):
        first_parameters(contacts, None, {})
    assert first_parameters(contacts, None, {"customerIds": "1,2"})["customerIds"] == "1,2"


@pytest.mark.parametrize("entity", sorted(entities()))
def test_every_entity_can_be_requested_with_known_parameters(entity: str) -> None:
    found = endpoint(entity)
    cursor = "c" if found.cursor_parameter else None
    first = first_parameters(found, cursor, {})
    assert first.keys() <= set(found.parameters)
    assert "{" not in url_of(API, found, 1, {})
    if found.kind is Kind.EXPORT or found.is_paged:
        following = next_parameters(found, first, Page([], 0, True, "t", None))
        assert following.keys() <= set(found.parameters)
        assert following != first
