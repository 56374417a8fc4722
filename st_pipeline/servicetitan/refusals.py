"""From an answer that stays as it is to the error that says what to do about it. Pure functions.

Answers that may change are retried instead (retrying.py).
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
from st_pipeline.servicetitan.retrying import GivenUp

_CONNECT = (
    "If the tenant has not connected the app yet, its administrator does so under Settings > Integrations > "
    "API Application Access; otherwise enter the client id and secret anew"
)


def is_about_app_key(problem: Problem) -> bool:
    """Whether a 401 complains about the app key, so that a new token would change nothing."""
    return "application key" in problem.title.lower()


def token_refusal(tenant: str, status: int, problem: Problem) -> ServiceTitanError:
    """The token endpoint's no. Not connected yet looks like a wrong secret."""
    said = f"the token endpoint answers {status} {problem.text}".rstrip()
    if status == 400 and problem.code in ("invalid_client", "unauthorized_client"):
        return NotConnected(
            f"not connected: {said}. {_CONNECT}", tenant=tenant, status=status, trace_id=problem.trace_id
        )
    if status in (400, 401, 403):
        return CredentialsRefused(
            f"{said}. Check the client id and secret and that they belong to this environment",
            tenant=tenant,
            status=status,
            trace_id=problem.trace_id,
        )
    return RequestWrong(
        f"{said}. Check the environment: this host does not hand out tokens",
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
    """The API's no to one call. ``has_token_cursor``: whether the call continued an export; ``scopes``: the token's.

    A 403 is about the scope when it says so, or when the token is not known to hold it. Otherwise it is about the app
    or the tenant, and every other entity would fare the same.
    """
    told = {"tenant": tenant, "entity": endpoint.entity, "status": status, "trace_id": problem.trace_id}
    said = f"{endpoint.operation} answers {status} {problem.text}".rstrip()
    if status == 401 and is_about_app_key(problem):
        return CredentialsRefused(f"{said}. Check the app key", **told)
    if status == 401:
        return CredentialsRefused(
            f"{said}, also with a new token. Check that the app key belongs to the client id, and that the credentials "
            f"belong to tenant {tenant_id} in this environment",
            **told,
        )
    if status == 403 and endpoint.scope in scopes and "scope" not in problem.text.lower():
        return CredentialsRefused(
            f"{said}, although the token holds the scope. Check that the app is still connected to tenant {tenant_id} "
            "and that the app key belongs to it",
            **told,
        )
    if status == 403:
        return ScopeMissing(
            f"{said}. Not granted: the scope {endpoint.scope}. Add it to the app in the developer portal and have the "
            "tenant's administrator accept the new version",
            scope=endpoint.scope,
            **told,
        )
    if status == 400 and has_token_cursor:
        return CursorRefused(f"{said}. The stored cursor is not taken: read this entity from the start", **told)
    if 300 <= status < 400:
        return RequestWrong(f"{said}: a redirect, which is not followed. Check the environment's host", **told)
    if status == 404:
        return RequestWrong(
            f"{said}. Check that the credentials belong to tenant {tenant_id}; if other entities work, the API has no "
            "such endpoint any more",
            **told,
        )
    return RequestWrong(f"{said}. The same call will fail again: report it with the trace id", **told)


def exhausted(tenant: str, endpoint: Endpoint | None, operation: str, given_up: GivenUp) -> ServiceTitanError:
    """The error after the last try."""
    last = given_up.last
    entity = endpoint.entity if endpoint else None
    effort = f"{given_up.tries} tries in {given_up.seconds:.0f} s"
    if last.is_malformed:
        return Malformed(
            f"{operation}: {last.reason}, after {effort}. Sync again later; if it stays, report it to ServiceTitan",
            tenant=tenant,
            entity=entity,
            status=last.status,
        )
    return Unavailable(
        f"{operation}: no usable answer after {effort} (the last: {last.reason}). Sync again later; check the network "
        "and ServiceTitan's status page if it stays",
        tries=given_up.tries,
        seconds=given_up.seconds,
        tenant=tenant,
        entity=entity,
        status=last.status,
        trace_id=last.trace_id,
    )
