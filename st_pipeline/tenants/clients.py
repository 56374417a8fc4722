"""Makes an API client for a tenant: the hosts of its environment, its credentials, and the shared rate limit.

servicetitan/client.py says what a client can do. This module adds signing in with the newest of two client secrets
that works.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from st_pipeline.servicetitan.auth import Token
from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.servicetitan.environments import hosts
from st_pipeline.servicetitan.errors import CredentialsRefused
from st_pipeline.servicetitan.limits import Limits
from st_pipeline.servicetitan.pacing import Pacer
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.settings import Settings, SettingsError
from st_pipeline.tenants.credentials import TwoSecrets
from st_pipeline.tenants.model import Tenant


class TenantClient(ServiceTitan):
    """A client that signs in with the newest client secret, and if that is refused with the older one.

    It does so whenever it needs a token, even in the middle of a sync: either one can be deleted at any time.
    """

    def __init__(self, *, credentials: Credentials, **options: Any) -> None:
        super().__init__(credentials=credentials, **options)
        self._others = [credentials.older_secret] if isinstance(credentials, TwoSecrets) else []
        self.tried: list[bool] = [False]
        """Whether the newest secret signed in; then, if it was also tried, whether the older one did."""

    def _ask_token(self) -> Token:
        try:
            token = super()._ask_token()
        except CredentialsRefused:
            self.tried[-1] = False
            if not self._others:
                raise
            self._credentials = replace(self._credentials, client_secret=self._others.pop())
            self.tried.append(False)
            return self._ask_token()
        self.tried[-1] = True
        return token


def pacer(settings: Settings) -> Pacer:
    """The rate limiter that everything on this home shares: checks, syncs, and the portal."""
    return Pacer(settings.home / "pace")


def client(
    tenant: Tenant,
    credentials: Credentials,
    settings: Settings,
    *,
    retry: RetryPolicy | None = None,
    limits: Limits | None = None,
    calls: CallLog | None = None,
) -> TenantClient:
    """A client for one tenant, which the caller must close. Makes no call yet. For the options, see ServiceTitan.

    Raises:
        SettingsError: ST_PIPELINE_SANDBOX_URL is not a URL.
    """
    try:
        where = hosts(tenant.environment, settings.sandbox_url)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return TenantClient(
        tenant=tenant.key,
        tenant_id=tenant.tenant_id,
        credentials=credentials,
        hosts=where,
        pacer=pacer(settings),
        retry=retry,
        limits=limits,
        calls=calls,
    )
