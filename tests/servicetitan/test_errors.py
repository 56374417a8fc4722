from __future__ import annotations

import inspect

import pytest

from st_pipeline.servicetitan import errors
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    CursorRefused,
    LoopDetected,
    Malformed,
    NotConnected,
    RequestWrong,
    ScopeMissing,
    ServiceTitanError,
    Unavailable,
    Unfinished,
)


def test_an_error_says_where_it_happened_and_carries_it_for_programs() -> None:
    error = RequestWrong("no. Do this", tenant="acme", entity="crm_customers", status=404, trace_id="t-1")
    assert str(error) == "acme/crm_customers: no. Do this (trace t-1)"
    assert (error.tenant, error.entity, error.status, error.trace_id) == ("acme", "crm_customers", 404, "t-1")
    assert str(CredentialsRefused("no", tenant="acme")) == "acme: no"


@pytest.mark.parametrize(
    ("error", "group"),
    [
        (NotConnected, CredentialsRefused),
        (CursorRefused, RequestWrong),
        (LoopDetected, Malformed),
        *(
            (group, ServiceTitanError)
            for group in (CredentialsRefused, ScopeMissing, RequestWrong, Unfinished, Unavailable, Malformed)
        ),
    ],
)
def test_each_error_belongs_to_the_group_for_its_next_step(error: type[Exception], group: type[Exception]) -> None:
    assert error.__bases__ == (group,)


def test_the_tree_in_the_docstring_names_every_error() -> None:
    named = [
        name for name, found in vars(errors).items() if inspect.isclass(found) and found.__module__ == errors.__name__
    ]
    assert len(named) == 10
    assert all(name in (errors.__doc__ or "") for name in named)


def test_scope_and_effort_are_attributes() -> None:
    assert ScopeMissing("x", scope="tn.a:r", tenant="acme").scope == "tn.a:r"
    unavailable = Unavailable("x", tries=3, seconds=1.5, tenant="acme")
    assert (unavailable.tries, unavailable.seconds) == (3, 1.5)
