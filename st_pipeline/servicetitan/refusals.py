"""Turn a final error response into the exception that says what to do about it. Pure functions.

Responses that may change are retried instead (retrying.py).
"""

from __future__ import annotations

from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    CursorRefused,
    Malformed,
    NotConnected,
    RequestWrong,
    ScopeMissing,
    ServiceTitanError,
    Unavailable,
)
from st_pipeline.servicetitan.problems import Problem
from st_pipeline.servicetitan.retrying import Again, GivenUp
from st_pipeline.steps.step import Do, Step


def is_about_app_key(problem: Problem) -> bool:
    """Whether a 401 is about the app key, in which case a new token would not help."""
    return "application key" in problem.title.lower()


def foreign(status: int, content_type: str) -> Again:
    """Why to retry after a response that is not ServiceTitan's: it says nothing about credentials, scopes or cursors.

    Every tenant's calls pass the same firewall or proxy, and what it says today it may not say tomorrow.
    """
    kind = f"a response of type {content_type}" if content_type else "a response"
    return Again(f"HTTP {status} with {kind} that is not from ServiceTitan", status, is_foreign=True)


def token_refusal(tenant: str, status: int, problem: Problem) -> ServiceTitanError:
    """The token endpoint's rejection. A tenant that has not connected yet looks the same as a wrong secret."""
    said = f"the token endpoint returned {status} {problem.text}".rstrip()
    if status == 400 and problem.code in ("invalid_client", "unauthorized_client"):
        return NotConnected(
            f"not connected: {said}",
            Step(Do.CONNECT_APP),
            Step(Do.ENTER_CREDENTIALS),
            tenant=tenant,
            status=status,
            trace_id=problem.trace_id,
        )
    return CredentialsRefused(
        said,
        Step(Do.CHECK_CREDENTIALS),
        tenant=tenant,
        status=status,
        trace_id=problem.trace_id,
    )


def refusal(
    tenant: str,
    tenant_id: int,
    endpoint: Endpoint,
    status: int,
    problem: Problem,
    *,
    has_token_cursor: bool,
    scopes: frozenset[str] = frozenset(),
) -> ServiceTitanError:
    """The API's rejection of a call.

    ``has_token_cursor``: whether the call continued an export; ``scopes``: the token's. A 403 is about the scope if it
    says so or if the token may lack it. Otherwise it is about the app or tenant, and every other entity would fail too.
    """
    returned = f"returned {status} {problem.text}".rstrip()

    def error(kind: type[ServiceTitanError], rest: str, step: Step, **more: str) -> ServiceTitanError:
        return kind(
            f"{endpoint.operation} {returned}{rest}",
            step,
            tenant=tenant,
            entity=endpoint.entity,
            status=status,
            trace_id=problem.trace_id,
            cause=f"ServiceTitan {returned}{rest}",
            **more,
        )

    if status == 401 and is_about_app_key(problem):
        return error(CredentialsRefused, "", Step(Do.ENTER_APP_KEY))
    if status == 401:
        rest = f", even with a new token: the app key or tenant id {tenant_id} does not belong to these credentials"
        return error(CredentialsRefused, rest, Step(Do.CHECK_CREDENTIALS))
    if status == 403 and endpoint.scope in scopes and "scope" not in problem.text.lower():
        rest = f", although the token has the scope: the app or its key is not allowed for tenant id {tenant_id}"
        return error(CredentialsRefused, rest, Step(Do.CHECK_APP_ALLOWED))
    if status == 403:
        rest, step = f". The scope {endpoint.scope} is not granted", Step(Do.GRANT_SCOPE, endpoint.scope)
        return error(ScopeMissing, rest, step, scope=endpoint.scope)
    if status == 400 and has_token_cursor:
        rest = ": ServiceTitan no longer accepts the point where the last sync stopped"
        return error(CursorRefused, rest, Step(Do.FULL_REFRESH, endpoint.entity))
    if status == 404:
        rest = f"; tenant id {tenant_id} is wrong, or the API no longer has this endpoint"
        return error(RequestWrong, rest, Step(Do.CHECK_TENANT_ID))
    return error(RequestWrong, "; the same call would fail again", Step(Do.REPORT_TRACE))


def exhausted(
    tenant: str, endpoint: Endpoint | None, operation: str, given_up: GivenUp, sandbox: str | None = None
) -> ServiceTitanError:
    """The error after the last retry. ``sandbox`` is its URL if that is what the tenant belongs to."""
    last = given_up.last
    entity = endpoint.entity if endpoint else None
    effort = f"{given_up.tries} tries in {given_up.seconds:.0f} s"
    if last.is_malformed:
        return Malformed(
            f"{operation}: {last.reason}, after {effort}",
            Step(Do.CHECK_STATUS_PAGE),
            tenant=tenant,
            entity=entity,
            status=last.status,
            cause=f"ServiceTitan's responses are malformed: {last.reason}",
        )
    said = f"{operation}: no usable response after {effort} (last: {last.reason})"
    cause = f"ServiceTitan gave no usable response (last: {last.reason})"
    step = Step(Do.CHECK_FIREWALL if last.is_foreign else Do.CHECK_STATUS_PAGE)
    if sandbox and last.is_unconnected:
        cause = f"The sandbox does not answer at {sandbox}"
        said, step = f"{cause} ({last.reason}, {effort})", Step(Do.START_SANDBOX, sandbox)
    return Unavailable(
        said,
        step,
        tries=given_up.tries,
        seconds=given_up.seconds,
        tenant=tenant,
        entity=entity,
        status=last.status,
        trace_id=last.trace_id,
        cause=cause,
    )


def unusable(tenant: str, endpoint: Endpoint | None, operation: str, status: int | None, reason: str) -> Malformed:
    """The error for a response that exceeds a limit."""
    entity = endpoint.entity if endpoint else None
    return Malformed(
        f"{operation}: {reason}",
        Step(Do.CHECK_STATUS_PAGE),
        tenant=tenant,
        entity=entity,
        status=status,
        cause=f"ServiceTitan's responses are unusable: {reason}",
    )
