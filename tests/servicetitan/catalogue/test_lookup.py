from __future__ import annotations

from typing import cast

import pytest

from st_pipeline.servicetitan.catalogue.lookup import endpoint, endpoints, entities
from st_pipeline.servicetitan.catalogue.model import FieldType, Kind


def test_all_modules_endpoints_and_entities_are_there() -> None:
    assert len({found.module for found in endpoints()}) == 24
    assert len(endpoints()) == 226
    assert sum(found.kind is Kind.EXPORT for found in endpoints()) == 53
    assert len(entities()) == 132


def test_an_entity_uses_its_export_where_there_is_one() -> None:
    exported = {found.entity for found in endpoints() if found.kind is Kind.EXPORT}
    assert exported == {name for name, found in entities().items() if found.kind is Kind.EXPORT}
    assert endpoint("jpm_job_types").kind is Kind.LIST
    assert endpoint("sales_estimates").path == "/sales/v2/tenant/{tenant}/export/estimates"


@pytest.mark.parametrize("name", sorted(entities()))
def test_an_entity_is_complete_and_consistent(name: str) -> None:
    found = endpoint(name)
    assert found.entity == name
    assert not found.needs
    assert found.scope.startswith("tn.")
    assert found.scope.endswith(":r")
    columns = [field.column for field in found.fields]
    assert len(columns) == len(set(columns))
    assert set(found.key) <= set(columns)
    assert all(len(field.path) <= 2 for field in found.fields)
    assert {name for name, _ in found.always} <= set(found.parameters)
    if "id" in columns:
        assert columns[0] == "id"
    if found.cursor_field is not None:
        assert found.field("modified_on").type is FieldType.TIMESTAMPTZ
    if found.kind is Kind.EXPORT:
        assert (found.cursor_parameter, found.max_page_size) == ("from", 0)


def test_amounts_that_come_as_strings_are_numeric() -> None:
    expected = {
        "accounting_invoices": ("sub_total", "sales_tax", "total", "balance", "discount_total"),
        "accounting_invoice_items": ("quantity", "cost", "total_cost", "price", "total", "member_price"),
        "accounting_payments": ("total", "unapplied_amount"),
    }
    for entity, columns in expected.items():
        assert {endpoint(entity).field(column).type for column in columns} == {FieldType.NUMERIC}
    assert endpoint("accounting_payments").field("type_id").type is FieldType.TEXT


def test_nested_objects_are_columns_of_their_own() -> None:
    assert endpoint("accounting_invoices").field("customer__id").path == ("customer", "id")
    assert endpoint("accounting_invoices").field("location_address__street").type is FieldType.TEXT
    assert endpoint("accounting_invoices").field("items").type is FieldType.JSONB


def test_pay_items_have_no_key_and_journal_entries_small_pages() -> None:
    assert endpoint("payroll_gross_pay_items").key == ()
    assert endpoint("customer_interactions_technician_ratings").key == ("technician_id", "job_id")
    assert endpoint("accounting_journal_entries").max_page_size == 500
    assert endpoint("settings_intacct_business_units").first_page == 0


def test_an_unknown_entity_is_refused_with_near_names() -> None:
    with pytest.raises(KeyError, match="crm_customers"):
        endpoint("crm_customer")
    with pytest.raises(KeyError, match="there are 132"):
        endpoint("zzzzzzzzzzzzzz")


def test_the_catalogue_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        cast(dict[str, object], entities())["x"] = 1
    assert entities() is entities()
