"""Errors from calls, grouped by what the caller should do.

    ServiceTitanError
    ├── CredentialsRefused   someone must fix the keys (wrong, rotated or disabled); nothing works until then
    │   └── NotConnected     unknown to the token endpoint: not connected yet, or the secret is wrong
    ├── ScopeMissing         skip this entity; someone may grant its scope
    ├── RequestWrong         a bug here or in the configuration; the same call will fail again
    │   └── CursorRefused    forget the stored cursor and read this entity from the start
    ├── Unfinished           try again later: the read ended at a limit, and the next one continues there
    ├── Unavailable          try again later; all retries failed
    └── Malformed            try again later, and investigate if it persists: the responses had the wrong shape
        └── LoopDetected     the paging makes no progress

Every error has the tenant, entity, status and trace id if known, and says what to do next. None contains a secret: not
in its text, and not through a cause (errors are raised outside of ``except``, so they have none).
"""

from __future__ import annotations

from st_pipeline.steps.advised_error import AdvisedError
from st_pipeline.steps.step import Step


class ServiceTitanError(AdvisedError):
    """The base class. ``said`` is what is wrong without tenant, entity and trace id, which ``problem`` has too.

    ``cause`` says the same without what differs from entity to entity, so that a common cause can be told once.
    """

    def __init__(
        self,
        said: str,
        *steps: Step,
        tenant: str,
        entity: str | None = None,
        status: int | None = None,
        trace_id: str | None = None,
        cause: str | None = None,
    ) -> None:
        where = f"{tenant}/{entity}" if entity else tenant
        trace = f" (trace {trace_id})" if trace_id else ""
        super().__init__(f"{where}: {said}{trace}", *steps, tenant=tenant)
        self.said = said
        self.cause = cause or said
        self.tenant = tenant
        self.entity = entity
        self.status = status
        self.trace_id = trace_id


class CredentialsRefused(ServiceTitanError):
    """The API rejects the credentials; retrying will not help."""


class NotConnected(CredentialsRefused):
    """The token endpoint rejects the client: the tenant has not connected the app yet, or the secret is wrong."""


class ScopeMissing(ServiceTitanError):
    """The token may not read this entity; ``scope`` is the scope to grant."""

    def __init__(
        self,
        said: str,
        *steps: Step,
        scope: str,
        tenant: str,
        entity: str | None = None,
        status: int | None = None,
        trace_id: str | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(said, *steps, tenant=tenant, entity=entity, status=status, trace_id=trace_id, cause=cause)
        self.scope = scope


class RequestWrong(ServiceTitanError):
    """The API rejects the request: 400, 404, 409 and other responses that a retry will not change."""


class CursorRefused(RequestWrong):
    """The API rejects the continuation token."""


class Unfinished(ServiceTitanError):
    """The API still has more, but the read reached a limit. The next one continues from its last continuation token."""


class Unavailable(ServiceTitanError):
    """No usable response after all retries; ``tries`` and ``seconds`` show the effort."""

    def __init__(
        self,
        said: str,
        *steps: Step,
        tries: int,
        seconds: float,
        tenant: str,
        entity: str | None = None,
        status: int | None = None,
        trace_id: str | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(said, *steps, tenant=tenant, entity=entity, status=status, trace_id=trace_id, cause=cause)
        self.tries = tries
        self.seconds = seconds


class Malformed(ServiceTitanError):
    """The responses were repeatedly not JSON of the documented shape."""


class LoopDetected(Malformed):
    """The API says there is more, but returns the same page, the same token or no token."""
