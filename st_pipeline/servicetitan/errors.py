"""What can go wrong with a call, grouped by what the caller should do.

    ServiceTitanError
    ├── CredentialsRefused   a person must act: keys are wrong, rotated or disabled; nothing works till then
    │   └── NotConnected     the token endpoint knows no such client: not connected yet, or the secret is wrong
    ├── ScopeMissing         skip this entity; a person may grant its scope
    ├── RequestWrong         a fault here or in the configuration; the same call fails again
    │   └── CursorRefused    forget the stored cursor and read this entity from the start
    ├── Unavailable          come back later; everything worth retrying was retried
    └── Malformed            come back later, and look at it if it stays: answers came, but not what they should be
        └── LoopDetected     the paging makes no progress

Every error carries tenant, entity, status and trace id where there are any, and says the next step. None carries a
secret: not in its text, not by way of a cause (errors are raised outside of ``except``, so they have none).
"""

from __future__ import annotations

from st_pipeline.steps.advised_error import AdvisedError
from st_pipeline.steps.step import Step


class ServiceTitanError(AdvisedError):
    """The base. ``said`` is what is wrong without tenant, entity and trace id, which ``problem`` has too."""

    def __init__(
        self,
        said: str,
        *steps: Step,
        tenant: str,
        entity: str | None = None,
        status: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        where = f"{tenant}/{entity}" if entity else tenant
        trace = f" (trace {trace_id})" if trace_id else ""
        super().__init__(f"{where}: {said}{trace}", *steps, tenant=tenant)
        self.said = said
        self.tenant = tenant
        self.entity = entity
        self.status = status
        self.trace_id = trace_id


class CredentialsRefused(ServiceTitanError):
    """The keys do not open the door; retrying would not help."""


class NotConnected(CredentialsRefused):
    """The token endpoint refuses the client: the tenant has not connected the app yet, or the secret is wrong."""


class ScopeMissing(ServiceTitanError):
    """The token may not read this entity; ``scope`` names what has to be granted."""

    def __init__(
        self,
        said: str,
        *steps: Step,
        scope: str,
        tenant: str,
        entity: str | None = None,
        status: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(said, *steps, tenant=tenant, entity=entity, status=status, trace_id=trace_id)
        self.scope = scope


class RequestWrong(ServiceTitanError):
    """The API understood and refuses: 400, 404, 409 and other answers that stay the same when asked again."""


class CursorRefused(RequestWrong):
    """The API does not take the continuation token (any more)."""


class Unavailable(ServiceTitanError):
    """No usable answer after all retries; ``tries`` and ``seconds`` say how hard it was tried."""

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
    ) -> None:
        super().__init__(said, *steps, tenant=tenant, entity=entity, status=status, trace_id=trace_id)
        self.tries = tries
        self.seconds = seconds


class Malformed(ServiceTitanError):
    """The answers were no JSON of the documented shape, again and again."""


class LoopDetected(Malformed):
    """The API says there is more, but hands out the same page, the same token or nothing."""
