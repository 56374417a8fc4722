"""One HTTP attempt: paced, timed, counted, read completely, and classified as an answer or a reason to retry.

Knows requests and urllib3 but not the tenants' records. retrying.py has the retry loop, auth.py the tokens.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version

import requests
import urllib3
from requests.auth import AuthBase

from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.connections import BoundedAdapter
from st_pipeline.servicetitan.limits import Limits, TooLarge, read_body
from st_pipeline.servicetitan.pacing import Lane
from st_pipeline.servicetitan.problems import Problem, parse_problem, redacted
from st_pipeline.servicetitan.retrying import Again, is_retryable, named_wait

_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response that a retry would not change."""

    status: int
    body: bytes
    problem: Problem
    """The error in the body, without any secret from the request that the server echoed; empty if it is not JSON."""
    content_type: str = ""
    """Without its parameters: ``application/json``."""

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON, as every response of ServiceTitan does."""
        return _is_json(self.content_type)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A successful response that exceeds a limit, so another attempt would only cost the same again."""

    status: int | None
    reason: str
    """A clause for people."""


class Unsigned(AuthBase):
    """No authorization, not even from a .netrc entry for the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Transport:
    """One tenant's HTTP session; thread-safe."""

    def __init__(self, lane: Lane, calls: CallLog, *, limits: Limits, longest_wait: float, uses_proxies: bool) -> None:
        """``longest_wait`` limits how many seconds a 429 may hold the lane."""
        self._lane = lane
        self._longest_wait = longest_wait
        self._calls = calls
        self._limits = limits
        self._session = requests.Session()
        self._session.trust_env = uses_proxies
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"st-pipeline/{version('st-pipeline')}",
            }
        )
        adapter = BoundedAdapter(limits, pool_connections=4, pool_maxsize=_CONNECTIONS, pool_block=False, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def attempt(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        number: int,
        auth: AuthBase,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer | Again | Unusable:
        """One paced attempt; ``number`` starts at 1. The response to a ``form`` is short.

        Returns Again for 408, 429, 5xx, an error body above its limit, a dropped connection, a timeout or a truncated
        body, and Unusable for any other body above its limit. The wait in a 429 holds the whole lane. Redirects are not
        followed: credentials go only to the environment's hosts. Never raises an exception from requests, because those
        contain headers and bodies.
        """
        if self._lane.wait(self._limits.until) is None:
            return Again("there was no time left for a call")
        began = time.monotonic()
        outcome = self._send(method, url, auth, params, form)
        seconds = time.monotonic() - began
        status, size = (outcome.status, len(outcome.body)) if isinstance(outcome, _Received) else (0, 0)
        self._calls.add(operation, status=status, seconds=seconds, size=size, is_retry=number > 1)
        if not isinstance(outcome, _Received):
            return outcome
        if is_retryable(outcome.status):
            return self._again(outcome)
        if outcome.too_large and outcome.status < 300:
            return Unusable(outcome.status, outcome.too_large)
        if outcome.too_large:
            return Again(f"HTTP {outcome.status}: {outcome.too_large}", outcome.status)
        return Answer(outcome.status, outcome.body, outcome.problem, outcome.content_type)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(
        self, method: str, url: str, auth: AuthBase, params: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> _Received | Again | Unusable:
        limits, began = self._limits, time.monotonic()
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=form,
                auth=auth,
                timeout=(max(0.001, min(limits.connect_seconds, limits.until - began)), limits.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response, form, limits)
        except TooLarge as error:
            return Unusable(None, str(error))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            longest = min(limits.total_seconds, limits.until - began)
            is_over = time.monotonic() - began >= longest
            if is_over:
                return Again(f"no complete response within {longest:.2g} seconds")
            return Again(_reason(error), is_unconnected=_is_unconnected(error))

    def _again(self, received: _Received) -> Again:
        wait = None
        if received.status in (429, 503):
            wait = named_wait(received.retry_after, received.problem.title, datetime.now(UTC))
        if wait:
            wait = min(wait, self._longest_wait)
            if received.status == 429:
                self._lane.hold(wait)
        return Again(f"HTTP {received.status}", received.status, wait, trace_id=received.problem.trace_id)


@dataclass(frozen=True, slots=True)
class _Received:
    status: int
    retry_after: str | None
    content_type: str
    body: bytes = b""
    problem: Problem = field(default_factory=Problem)
    too_large: str | None = None
    """Why there is no body."""


def _read(response: requests.Response, form: Mapping[str, str] | None, limits: Limits) -> _Received:
    content_type = "".join(filter(str.isprintable, response.headers.get("Content-Type", "")))
    content_type = content_type.partition(";")[0].strip().lower()[:100]
    received = _Received(response.status_code, response.headers.get("Retry-After"), content_type)
    is_short = form is not None or received.status >= 300
    limit = limits.short_body_bytes if is_short else limits.body_bytes
    try:
        body = read_body(response.raw, response.headers.get("Content-Length"), limit)
    except TooLarge as error:
        return replace(received, too_large=str(error))
    if received.status < 300 or not _is_json(content_type):
        return replace(received, body=body)
    problem = redacted(parse_problem(body), _secrets(response.request.headers, form or {}))
    return replace(received, body=body, problem=problem)


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _secrets(headers: Mapping[str, str | bytes], form: Mapping[str, str]) -> list[str]:
    """The secrets in a sent request."""
    token = str(headers.get("Authorization", "")).removeprefix("Bearer ")
    sent = (token, str(headers.get("ST-App-Key", "")), form.get("client_secret", ""))
    return [secret for secret in sent if secret]


def _is_unconnected(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, urllib3.exceptions.MaxRetryError) else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _reason(error: Exception) -> str:
    """What happened, without the exception's text, which may contain a whole URL."""
    timeouts = (requests.ConnectTimeout, requests.ReadTimeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if isinstance(error, requests.exceptions.SSLError):
        return "secure connection failed (certificate or TLS)"
    if isinstance(error, requests.ConnectTimeout):
        return "connection timed out"
    if isinstance(error, timeouts):
        return "response timed out"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not connect"
    if isinstance(error, urllib3.exceptions.DecodeError | requests.exceptions.ContentDecodingError):
        return "the body could not be decompressed"
    return "connection refused or dropped"
