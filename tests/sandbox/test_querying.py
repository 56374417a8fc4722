import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.sandbox.endpoints import Entity, entities, entity
from st_pipeline.sandbox.querying import parse_query

LISTED = [one for one in entities() if one.listed]
NAMES = sorted(
    {name for one in LISTED for name in one.filters}
    | {"page", "pageSize", "includeTotal", "ids", "active", "activeState", "sort", "orderBy", "orderByDirection"}
    | {"createdOnOrAfter", "createdBefore", "modifiedOnOrAfter", "modifiedBefore", "nonsense"}
)
VALUES = st.text() | st.sampled_from(
    ["--5", "²", "1_000", "9" * 5000, "+", "-", "nan", "True", "2024-02-30", ",", "1,"]
)


@given(st.sampled_from(LISTED), st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6))
def test_every_parameter_is_parsed_or_rejected_by_name(one: Entity, parameters: list[tuple[str, str]]) -> None:
    query = parse_query(one, parameters)
    assert set(query.errors) <= {name for name, _ in parameters} | {"request"}
    assert 1 <= query.page_size <= 5_000
    assert query.page >= 1


@given(st.sampled_from(LISTED), st.text())
def test_empty_values_and_unknown_names_change_nothing(one: Entity, name: str) -> None:
    known = {known.lower() for known in NAMES}
    plain = parse_query(one, [])
    assert parse_query(one, [(known, "") for known in NAMES]).errors == plain.errors
    if name.lower() not in known:
        got = parse_query(one, [(name, "x")])
        assert (got.errors, got.members, got.sort) == (plain.errors, [], "id")


@pytest.mark.parametrize("value", ["1_000", "--5", "²", "x", "1.5", "9223372036854775808"])
def test_a_value_that_is_not_an_int64_is_not_a_page_or_an_id(value: str) -> None:
    query = parse_query(entity("jpm_jobs"), [("page", value), ("ids", value), ("customerId", value)])
    assert set(query.errors) == {"page", "ids", "customerId"}


def test_the_first_of_repeated_values_counts_if_one_is_expected() -> None:
    assert parse_query(entity("jpm_jobs"), [("page", "2"), ("page", "3")]).page == 2


def test_a_list_without_a_sort_ignores_the_parameter() -> None:
    assert parse_query(entity("settings_employees"), [("sort", "-Nothing")]).errors == {}


def test_a_list_without_activity_ignores_the_parameter_and_gives_all() -> None:
    query = parse_query(entity("jpm_jobs"), [("active", "perhaps")])
    assert (query.errors, query.active) == ({}, None)
