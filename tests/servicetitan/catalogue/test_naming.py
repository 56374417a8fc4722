from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.servicetitan.catalogue.naming import column_name, entity_name, singular, snake_case

# In two-letter words, As after an acronym could also be the acronym's plural: "AAAs".
WORD = st.from_regex(r"[a-z]{3,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("subTotal", "sub_total"),
        ("id", "id"),
        ("ID", "id"),
        ("isQBOSynced", "is_qbo_synced"),
        ("averageCPC", "average_cpc"),
        ("isRWGSession", "is_rwg_session"),
        ("HTMLBody", "html_body"),
        ("customerIDs", "customer_ids"),
        ("address2", "address2"),
        ("line10Text", "line10_text"),
        ("appoitmentId", "appoitment_id"),
        ("customField.Fields", "custom_field_fields"),
        ("already_snake", "already_snake"),
        ("business-units", "business_units"),
        ("aB", "a_b"),
        ("ABC", "abc"),
    ],
)
def test_names_are_split_where_a_reader_would_split_them(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@given(st.lists(WORD, min_size=1, max_size=5))
def test_camel_case_words_stay_whole(words: list[str]) -> None:
    assert snake_case(words[0] + "".join(word.capitalize() for word in words[1:])) == "_".join(words)


@given(st.lists(WORD, min_size=2, max_size=4), st.data())
def test_an_acronym_stays_in_one_piece(words: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(words) - 1))
    parts = [word.upper() if n == at else word.capitalize() for n, word in enumerate(words)]
    assert snake_case(words[0] + "".join(parts[1:])) == "_".join(words)


@given(st.text(st.characters(codec="ascii")))
def test_the_result_is_made_of_plain_words_and_stays_as_it_is(name: str) -> None:
    snake = snake_case(name)
    assert re.fullmatch(r"([a-z0-9]+(_[a-z0-9]+)*)?", snake)
    assert snake_case(snake) == snake
    assert snake.replace("_", "") == re.sub(r"[^a-z0-9]", "", name.lower())


def test_nested_names_are_joined_with_two_underscores() -> None:
    assert column_name(("locationAddress", "street")) == "location_address__street"
    assert column_name(("id",)) == "id"


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("customers", "customer"),
        ("business_units", "business_unit"),
        ("categories", "category"),
        ("project_statuses", "project_status"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("warehouses", "warehouse"),
        ("installed_equipment", "installed_equipment"),
        ("status", "status"),
    ],
)
def test_the_last_word_is_put_in_the_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


@pytest.mark.parametrize(
    ("path", "entity"),
    [
        ("/crm/v2/tenant/{tenant}/export/customers", "crm_customers"),
        ("/crm/v2/tenant/{tenant}/export/customers/contacts", "crm_customer_contacts"),
        ("/crm/v2/tenant/{tenant}/customers/{id}/contacts", "crm_customer_contacts"),
        ("/accounting/v2/tenant/{tenant}/export/invoice-items", "accounting_invoice_items"),
        ("/settings/v2/tenant/{tenant}/business-units", "settings_business_units"),
        ("/service-agreements/v2/tenant/{tenant}/service-agreements", "service_agreements_service_agreements"),
        ("/telecom/v3/tenant/{tenant}/calls", "telecom_calls"),
        ("/payroll/v2/tenant/{tenant}/export/jobs/splits", "payroll_job_splits"),
    ],
)
def test_an_entity_is_named_after_module_and_resource(path: str, entity: str) -> None:
    assert entity_name(path) == entity


def test_a_path_without_a_tenant_is_refused() -> None:
    with pytest.raises(ValueError, match="/crm/v2/customers"):
        entity_name("/crm/v2/customers")


def _property_names(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_property_names, value))
    if not isinstance(value, dict):
        return set()
    own = set(value["properties"]) if isinstance(value.get("properties"), dict) else set()
    return own.union(*map(_property_names, value.values()))


def test_no_name_in_the_documents_is_split_into_letters(documents: list[dict[str, Any]]) -> None:
    names = _property_names([document["components"]["schemas"] for document in documents])
    assert len(names) > 1000
    torn = {name: snake_case(name) for name in names if re.search(r"(^|_)[a-z]_[a-z](_|$)", snake_case(name))}
    assert not torn
