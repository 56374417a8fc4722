from __future__ import annotations

import pytest

from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    CursorRefused,
    Malformed,
    NotConnected,
    RequestWrong,
    ScopeMissing,
    Unavailable,
)
from st_pipeline.servicetitan.problems import Problem
from st_pipeline.servicetitan.refusals import exhausted, foreign, refusal, token_refusal
from st_pipeline.servicetitan.retrying import Again, GivenUp
from st_pipeline.steps.step import Do, Step

CUSTOMERS = endpoint("crm_customers")
SAID = Problem(title="Something about it.", trace_id="t-9")


@pytest.mark.parametrize(
    ("status", "group"),
    [
        (301, RequestWrong),
        (400, RequestWrong),
        (401, CredentialsRefused),
        (403, ScopeMissing),
        (404, RequestWrong),
        (405, RequestWrong),
        (409, RequestWrong),
        (422, RequestWrong),
    ],
)
def test_every_refusal_names_tenant_entity_call_trace_and_what_the_api_said(status: int, group: type) -> None:
    error = refusal("acme", 7, CUSTOMERS, status, SAID, has_token_cursor=False)
    assert type(error) is group
    assert (error.tenant, error.entity, error.status, error.trace_id) == ("acme", "crm_customers", status, "t-9")
    for part in ("acme/crm_customers", CUSTOMERS.operation, str(status), "Something about it.", "t-9"):
        assert part in str(error)


def test_a_missing_scope_is_named_in_text_and_attribute() -> None:
    error = refusal("acme", 7, CUSTOMERS, 403, SAID, has_token_cursor=False)
    assert isinstance(error, ScopeMissing)
    assert error.scope == "tn.crm.customers:r"
    assert "tn.crm.customers:r" in str(error)


@pytest.mark.parametrize(
    ("title", "scopes", "group"),
    [
        ("Scope validation failed. Access token does not have permission", {CUSTOMERS.scope}, ScopeMissing),
        ("Forbidden", {"tn.jpm.jobs:r"}, ScopeMissing),
        ("Forbidden", set(), ScopeMissing),
        ("Forbidden", {CUSTOMERS.scope}, CredentialsRefused),
    ],
)
def test_a_403_on_a_granted_scope_is_about_the_app(title: str, scopes: set[str], group: type) -> None:
    held = frozenset(scopes)
    assert type(refusal("a", 7, CUSTOMERS, 403, Problem(title), has_token_cursor=False, scopes=held)) is group


def test_only_a_400_on_a_continued_export_refuses_the_cursor() -> None:
    assert type(refusal("a", 7, CUSTOMERS, 400, SAID, has_token_cursor=True)) is CursorRefused
    assert type(refusal("a", 7, CUSTOMERS, 404, SAID, has_token_cursor=True)) is RequestWrong


def test_a_401_about_the_app_key_says_to_check_the_app_key() -> None:
    title = "Application key not present, check ST-App-Key header value."
    error = refusal("a", 7, CUSTOMERS, 401, Problem(title), has_token_cursor=False)
    assert error.steps == (Step(Do.ENTER_APP_KEY),)


def test_an_unknown_client_is_not_connected_and_says_where_to_connect() -> None:
    error = token_refusal("acme", 400, Problem(code="invalid_client"))
    assert type(error) is NotConnected
    assert "Settings > Integrations" in str(error)
    assert "invalid_client" in str(error)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_other_token_endpoint_errors_are_about_the_credentials(status: int) -> None:
    assert type(token_refusal("acme", status, Problem(code="unsupported_grant_type"))) is CredentialsRefused


def test_a_response_from_elsewhere_is_a_reason_to_retry_and_to_check_the_network() -> None:
    again = foreign(403, "text/html")
    assert again == Again(
        "HTTP 403 with a response of type text/html that is not from ServiceTitan", 403, is_foreign=True
    )
    error = exhausted("acme", CUSTOMERS, CUSTOMERS.operation, GivenUp(again, 10, 61.4))
    assert isinstance(error, Unavailable)
    assert error.steps == (Step(Do.CHECK_FIREWALL),)


def test_after_the_last_retry_the_error_has_the_last_failure_and_the_effort() -> None:
    error = exhausted("acme", CUSTOMERS, CUSTOMERS.operation, GivenUp(Again("HTTP 503", 503, trace_id="t"), 10, 61.4))
    assert isinstance(error, Unavailable)
    assert (error.tries, error.seconds, error.status, error.trace_id) == (10, 61.4, 503, "t")
    assert "10 tries in 61 s" in str(error)
    assert "HTTP 503" in str(error)
    malformed = exhausted("acme", None, "POST x", GivenUp(Again("half a body", 200, is_malformed=True), 3, 1))
    assert type(malformed) is Malformed
    assert malformed.entity is None


def test_the_cause_is_the_same_for_every_entity() -> None:
    errors = [
        refusal("acme", 7, endpoint(name), 404, Problem("Not Found", trace_id=name), has_token_cursor=False)
        for name in ("crm_customers", "jpm_jobs")
    ]
    assert errors[0].said != errors[1].said
    assert (
        errors[0].cause
        == errors[1].cause
        == ("ServiceTitan returned 404 Not Found; tenant id 7 is wrong, or the API no longer has this endpoint")
    )
    down = [exhausted("acme", CUSTOMERS, "GET x", GivenUp(Again("HTTP 503", 503), n, n * 7.0)) for n in (3, 4)]
    assert down[0].cause == down[1].cause == "ServiceTitan gave no usable response (last: HTTP 503)"


def test_a_sandbox_that_does_not_answer_is_named_with_how_to_start_it() -> None:
    url = "http://127.0.0.1:8700"
    refused = Again("connection refused or dropped", is_unconnected=True)
    silent = exhausted("acme", None, "POST x", GivenUp(refused, 3, 1.0), url)
    assert str(silent).startswith(f"acme: The sandbox does not answer at {url} (connection refused or dropped, 3 tries")
    assert silent.steps == (Step(Do.START_SANDBOX, url),)
    assert "st-pipeline sandbox" in str(silent)
    failing = exhausted("acme", None, "POST x", GivenUp(Again("HTTP 503", 503), 3, 1.0), url)
    assert failing.steps == (Step(Do.CHECK_STATUS_PAGE),)
