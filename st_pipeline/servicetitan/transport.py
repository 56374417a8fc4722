"""One HTTP attempt: paced, timed, counted, read to the end, and sorted into an answer or a reason to try again.

Knows requests and urllib3, and nothing of tenants' records. No retry loop (retrying.py), no tokens (auth.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.pacing import Lane
from st_pipeline.servicetitan.problems import Problem, parse_problem, redacted
from st_pipeline.servicetitan.retrying import Again, is_retryable, named_wait

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0  # the server ends a call of its own after 100 s
_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer that trying again would not change."""

    status: int
    body: bytes
    problem: Problem
    """What the body of an error says, without any secret that was sent and comes back in it."""


class Unsigned(AuthBase):
    """No authorization, also not from a .netrc that happens to name the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Transport:
    """A session of one tenant; safe to use from many threads."""

    def __init__(
        self, lane: Lane, calls: CallLog, *, timeouts: tuple[float, float], longest_wait: float, uses_proxies: bool
    ) -> None:
        """``longest_wait`` limits, in seconds, how long a 429 may hold the lane."""
        self._lane = lane
        self._longest_wait = longest_wait
        self._calls = calls
        self._timeouts = timeouts
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
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS, pool_block=False, max_retries=0)
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
    ) -> Answer | Again:
        """One paced attempt; ``number`` counts from 1.

        Again: 408, 429, 5xx, a dropped connection, a time-out, a body that ends early. A wait that a 429 names holds
        the whole lane. Redirects are not followed: credentials go to the hosts of the environment and nowhere else.
        Raises nothing that requests raises, whose exceptions carry headers and bodies.
        """
        self._lane.wait()
        began = time.monotonic()
        outcome = self._send(method, url, auth, params, form)
        seconds = time.monotonic() - began
        status, size = (outcome.status, len(outcome.body)) if isinstance(outcome, _Received) else (0, 0)
        self._calls.add(operation, status=status, seconds=seconds, size=size, is_retry=number > 1)
        if not isinstance(outcome, _Received):
            return outcome
        if is_retryable(outcome.status):
            return self._again(outcome)
        return Answer(outcome.status, outcome.body, outcome.problem)

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()

    def _send(
        self, method: str, url: str, auth: AuthBase, params: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> _Received | Again:
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=form,
                auth=auth,
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                # The raw stream in one piece: requests' own reading goes in steps of 10 KB.
                body = response.raw.read(decode_content=True)
                problem = Problem()
                if response.status_code >= 300:
                    problem = redacted(parse_problem(body), _secrets(response.request.headers, form or {}))
                return _Received(response.status_code, response.headers.get("Retry-After"), body, problem)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return Again(_reason(error))

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
    body: bytes
    problem: Problem


def _secrets(headers: Mapping[str, str | bytes], form: Mapping[str, str]) -> list[str]:
    """The secrets of a request that was sent."""
    token = str(headers.get("Authorization", "")).removeprefix("Bearer ")
    sent = (token, str(headers.get("ST-App-Key", "")), form.get("client_secret", ""))
    return [secret for secret in sent if secret]


def _reason(error: Exception) -> str:
    """What happened, in our own words: the exception's text may hold a whole URL."""
    timeouts = (requests.ConnectTimeout, requests.ReadTimeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection (certificate or TLS)"
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, timeouts):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy did not connect"
    if isinstance(error, urllib3.exceptions.DecodeError | requests.exceptions.ContentDecodingError):
        return "the body could not be unpacked"
    return "connection refused or dropped"
