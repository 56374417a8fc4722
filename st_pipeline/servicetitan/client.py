"""An authenticated client for one tenant: pages of any endpoint in the catalog, and what the token may read.

This module decides what a response means for the caller. transport.py makes an attempt, auth.py has the tokens,
pages.py the envelopes. Nothing is stored.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType

from st_pipeline.servicetitan.auth import Signature, Token, Tokens, parse_token
from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.catalogue.model import Endpoint, Kind
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.servicetitan.environments import Hosts
from st_pipeline.servicetitan.errors import LoopDetected, ServiceTitanError, Unfinished
from st_pipeline.servicetitan.limits import Limits
from st_pipeline.servicetitan.pacing import Pacer
from st_pipeline.servicetitan.pages import NotAPage, Page, PageTooLarge, parse_page
from st_pipeline.servicetitan.progress import Progress
from st_pipeline.servicetitan.refusals import exhausted, foreign, is_about_app_key, refusal, token_refusal, unusable
from st_pipeline.servicetitan.requesting import first_parameters, next_parameters, url_of
from st_pipeline.servicetitan.retrying import Again, GivenUp, RetryPolicy, retry
from st_pipeline.servicetitan.transport import Answer, Transport, Unsigned, Unusable
from st_pipeline.steps.step import Do, Step

TOKEN_OPERATION = "POST /connect/token"  # noqa: S105 - the name of a call
_PATIENCE_WITH_LOOPS = 2


class ServiceTitan:
    """One ServiceTitan tenant. Thread-safe, but iterate over pages in one thread only.

    Any method that calls the API may raise the errors in errors.py. No call is made before it is needed.
    """

    def __init__(
        self,
        *,
        tenant: str,
        tenant_id: int,
        credentials: Credentials,
        hosts: Hosts,
        pacer: Pacer,
        calls: CallLog | None = None,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
    ) -> None:
        """``tenant`` is our key, for messages; ``limits`` are those of one request."""
        self.tenant = tenant
        self.calls = calls if calls is not None else CallLog()
        self._tenant_id = tenant_id
        self._credentials = credentials
        self._hosts = hosts
        self._sandbox = hosts.api if hosts.is_sandbox else None
        self._retry = retry or RetryPolicy()
        limits = limits or Limits()
        self._until = limits.until
        lane = pacer.lane(credentials.app_key, tenant_id)
        self._transport = Transport(
            lane,
            self.calls,
            limits=limits,
            longest_wait=self._retry.longest_named_wait,
            uses_proxies=not hosts.is_local,
        )
        self._tokens = Tokens(self._ask_token)

    def __repr__(self) -> str:
        return f"ServiceTitan({self.tenant!r}, {self._tenant_id}, {self._hosts.api!r})"

    def __enter__(self) -> ServiceTitan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. You can still use the client; it opens new ones."""
        self._transport.close()

    def granted_scopes(self) -> frozenset[str]:
        """The current token's scopes, as listed by the token endpoint; empty if it lists none.

        The cheapest way to check whether the credentials work.
        """
        return self._tokens.current().scopes

    def is_granted(self, endpoint: Endpoint) -> bool:
        """Whether the token may read the endpoint. True if the API lists no scopes, because only a call can tell."""
        scopes = self.granted_scopes()
        return not scopes or endpoint.scope in scopes

    def pages(
        self, endpoint: Endpoint, cursor: str | None = None, *, given: Mapping[str, str] | None = None
    ) -> Iterator[Page]:
        """Every page from the cursor on, until the API says there are no more.

        ``cursor``: a ``continue_from`` or a date for exports, the instant for ``modifiedOnOrAfter`` for lists; None
        reads from the beginning. ``given`` sets the parameters the endpoint ``needs`` and any others it knows. Inactive
        records are included wherever the API offers them. Each page is yielded once; records may repeat across pages.
        ValueError for a parameter the endpoint does not know (the API would ignore it and return everything), for a
        missing one, and for a cursor the endpoint does not take.
        """
        filled = given or {}
        url = url_of(self._hosts.api, endpoint, self._tenant_id, filled)
        return self._iterate(endpoint, url, first_parameters(endpoint, cursor, filled), cursor)

    def _iterate(self, endpoint: Endpoint, url: str, parameters: dict[str, str], cursor: str | None) -> Iterator[Page]:
        progress = Progress(endpoint, cursor, time.monotonic())
        while True:
            page = self._page(endpoint, url, parameters)
            for _ in range(_PATIENCE_WITH_LOOPS):
                if progress.stalled(page) is None:
                    break
                page = self._page(endpoint, url, parameters)
            if stalled := progress.stalled(page):
                raise LoopDetected(
                    f"{endpoint.operation} makes no progress: {stalled}. The records read so far are kept; sync again "
                    "later, and report it to ServiceTitan if it keeps failing",
                    tenant=self.tenant,
                    entity=endpoint.entity,
                )
            progress.accept(page, time.monotonic())
            limit = progress.limit(time.monotonic())
            yield page
            if not page.has_more:
                return
            if limit:
                raise Unfinished(
                    f"{endpoint.operation} {limit}. The next sync "
                    + ("continues from there" if endpoint.kind is Kind.EXPORT else "starts over"),
                    Step(Do.WAIT_FOR_RETRY),
                    tenant=self.tenant,
                    entity=endpoint.entity,
                )
            parameters = next_parameters(endpoint, parameters, page)

    def _page(self, endpoint: Endpoint, url: str, parameters: Mapping[str, str]) -> Page:
        """One page, with all its retries."""

        def send(signature: Signature, number: int) -> Answer | Again | Unusable:
            return self._transport.attempt(
                "GET", url, operation=endpoint.operation, number=number, auth=signature, params=parameters
            )

        def attempt(number: int) -> Page | ServiceTitanError | Again:
            signature = Signature(self._tokens, self._credentials.app_key)
            answer = send(signature, number)
            if isinstance(answer, Answer) and _is_about_token(answer):
                signature = Signature(self._tokens, self._credentials.app_key, refused=signature.used)
                answer = send(signature, number + 1)
            if isinstance(answer, Again):
                return answer
            if isinstance(answer, Unusable):
                return unusable(self.tenant, endpoint, endpoint.operation, answer.status, answer.reason)
            if not 200 <= answer.status < 300:
                if not answer.problem.is_of_api(answer.status):
                    return foreign(answer.status, answer.content_type)
                return self._refusal(endpoint, answer, parameters, signature.used)
            page = _understood(answer, int(parameters.get("pageSize", 0)))
            if isinstance(page, Unusable):
                return unusable(self.tenant, endpoint, endpoint.operation, page.status, page.reason)
            return page

        outcome = retry(self._patience(), attempt)
        if isinstance(outcome, GivenUp):
            outcome = exhausted(self.tenant, endpoint, endpoint.operation, outcome, self._sandbox)
        if isinstance(outcome, ServiceTitanError):
            raise outcome
        return outcome

    def _patience(self) -> RetryPolicy:
        """The policy for a call that starts now: no longer than the time that is left."""
        left = self._until - time.monotonic()
        return replace(self._retry, total_seconds=min(self._retry.total_seconds, left))

    def _refusal(
        self, endpoint: Endpoint, answer: Answer, parameters: Mapping[str, str], used: Token | None
    ) -> ServiceTitanError:
        return refusal(
            self.tenant,
            self._tenant_id,
            endpoint,
            answer.status,
            answer.problem,
            has_token_cursor=endpoint.kind is Kind.EXPORT and "from" in parameters,
            scopes=used.scopes if used else frozenset(),
        )

    def _ask_token(self) -> Token:
        credentials = self._credentials

        def attempt(number: int) -> Token | ServiceTitanError | Again:
            answer = self._transport.attempt(
                "POST",
                self._hosts.token_url,
                operation=TOKEN_OPERATION,
                number=number,
                auth=Unsigned(),
                form={
                    "grant_type": "client_credentials",
                    "client_id": credentials.client_id,
                    "client_secret": credentials.client_secret.reveal(),
                },
            )
            if isinstance(answer, Again):
                return answer
            if isinstance(answer, Unusable):
                return unusable(self.tenant, None, TOKEN_OPERATION, answer.status, answer.reason)
            if answer.status != 200:
                if not answer.problem.is_of_token_endpoint:
                    return foreign(answer.status, answer.content_type)
                return token_refusal(self.tenant, answer.status, answer.problem)
            if token := parse_token(answer.body, time.monotonic()):
                return token
            if not answer.is_json:
                return foreign(answer.status, answer.content_type)
            return Again("the response has no usable access_token", answer.status, is_malformed=True)

        outcome = retry(self._patience(), attempt)
        if isinstance(outcome, GivenUp):
            outcome = exhausted(self.tenant, None, TOKEN_OPERATION, outcome, self._sandbox)
        if isinstance(outcome, ServiceTitanError):
            raise outcome
        return outcome


def _is_about_token(answer: Answer) -> bool:
    """Whether a new token may help. A token that has expired may be refused with an empty body."""
    if answer.status != 401 or is_about_app_key(answer.problem):
        return False
    return answer.problem.is_of_api(401) or not answer.body


def _understood(answer: Answer, page_size: int) -> Page | Again | Unusable:
    """The page, or Again if something else came back: a sign-in page, half a body."""
    try:
        return parse_page(answer.body, page_size=page_size)
    except PageTooLarge as problem:
        return Unusable(answer.status, str(problem))
    except NotAPage as problem:
        if not answer.is_json:
            return foreign(answer.status, answer.content_type)
        return Again(str(problem), answer.status, is_malformed=True)
