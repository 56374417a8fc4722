from __future__ import annotations

import dataclasses

import pytest

from st_pipeline.servicetitan.catalogue.lookup import endpoint


def test_the_cursor_goes_into_the_parameter_of_its_kind() -> None:
    assert endpoint("crm_customers").cursor_parameter == "from"
    assert endpoint("jpm_job_types").cursor_parameter == "modifiedOnOrAfter"
    assert endpoint("accounting_payment_types").cursor_parameter is None


def test_a_list_without_page_numbers_is_not_paged() -> None:
    assert endpoint("jpm_job_types").is_paged
    assert not endpoint("crm_contact_preferences").is_paged


def test_an_operation_is_free_of_ids() -> None:
    assert endpoint("crm_customers").operation == "GET /crm/v2/tenant/{tenant}/export/customers"


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match="crm_customers has no column surname"):
        endpoint("crm_customers").field("surname")


def test_endpoints_and_fields_are_frozen() -> None:
    found = endpoint("crm_customers")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.entity = "other"  # pyright: ignore[reportAttributeAccessIssue]
    assert hash(found) == hash(dataclasses.replace(found))
